# cmake --install: the library, its headers, and what CMake and pkg-config need to find them.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lamina)

# Components: runtime is the shared library, development all that building with it needs.
install(TARGETS lamina EXPORT lamina-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT runtime NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
# The library holds LPIPS's weights, whose licence goes with them.
install(FILES ${PROJECT_SOURCE_DIR}/models/data/lpips/LICENSE
  DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.lpips COMPONENT runtime)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/lamina DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  COMPONENT development PATTERN c.h EXCLUDE)
if(LAMINA_C_API)
  install(FILES ${PROJECT_SOURCE_DIR}/include/lamina/c.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/lamina COMPONENT development)
endif()
install(EXPORT lamina-targets NAMESPACE lamina:: DESTINATION ${package_dir} COMPONENT development)
foreach(program ${LAMINA_PROGRAMS})
  if(TARGET ${program})
    install(TARGETS ${program} DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tools)
  endif()
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/lamina-config.cmake.in
  ${PROJECT_BINARY_DIR}/lamina-config.cmake INSTALL_DESTINATION ${package_dir})
# Before 1.0 each minor version may change the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lamina-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lamina-config.cmake
  ${PROJECT_BINARY_DIR}/lamina-config-version.cmake
  DESTINATION ${package_dir} COMPONENT development)

# A static library leaves its dependencies to whoever links it; a shared one has found its own.
set(pc_requires "fmt libhwy libjpeg libxxhash zlib")
set(pc_libs "-pthread -lstdc++ -lm")
if(LAMINA_DOWNLOAD)
  # Not in pc_requires: a static link would then ask for all that libcurl itself was linked with.
  string(APPEND pc_libs " -lcurl -lcrypto")
endif()
if(LAMINA_WITH_CUDA)
  string(APPEND pc_libs " -L${CUDAToolkit_LIBRARY_DIR} -lcudart_static -ldl -lrt")
endif()
if(BUILD_SHARED_LIBS)
  set(pc_requires "")
  set(pc_libs "")
endif()
# Relative, so that an installed tree can be moved.
file(RELATIVE_PATH pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${PROJECT_SOURCE_DIR}/cmake/lamina.pc.in ${PROJECT_BINARY_DIR}/lamina.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lamina.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
