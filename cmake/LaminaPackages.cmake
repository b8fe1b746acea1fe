# cpack: Debian packages of what cmake --install puts in place. docs/packages.md says what is in
# each; the preset `packages` configures a build for them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lamina)
set(CPACK_PACKAGE_VENDOR "The Lamina developers")
set(CPACK_PACKAGE_CONTACT "The Lamina developers <lamina@lamina.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development tools)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

# A package of a library is named after its SONAME: two of them live side by side.
get_target_property(soversion lamina SOVERSION)
set(runtime_package liblamina${soversion})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime_package})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
"The library: runs VGG-family networks with PyTorch's weights, without Python.
Weight files are mapped and checked, and never run code.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME liblamina-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${runtime_package} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
"For building programs: headers for C++20 and C11, and what CMake and pkg-config
need to find the library.")

set(CPACK_DEBIAN_TOOLS_PACKAGE_NAME lamina-tools)
set(CPACK_DEBIAN_TOOLS_PACKAGE_SECTION science)
set(CPACK_COMPONENT_TOOLS_DESCRIPTION
"The programs: vgg16-infer classifies pictures, lamina-convert reads, writes and
checks weight files, lamina-lpips tells how different two pictures look,
lamina-bench measures.")

# Debian wants a package's licences beside it.
file(READ ${PROJECT_SOURCE_DIR}/LICENSE copyright)
file(READ ${PROJECT_SOURCE_DIR}/models/data/lpips/LICENSE lpips_copyright)
file(WRITE ${PROJECT_BINARY_DIR}/copyright
  "${copyright}\nThe weights of LPIPS (version 0.1, net vgg), which the library holds:\n\n${lpips_copyright}")
foreach(component runtime development tools)
  string(TOUPPER ${component} upper)
  install(FILES ${PROJECT_BINARY_DIR}/copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME}
    COMPONENT ${component} EXCLUDE_FROM_ALL)
endforeach()
include(CPack)
