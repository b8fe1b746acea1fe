# Compiler flags shared by every target of the project; nothing here reaches a consumer.
#
# No -march here: vectorised sources choose their instruction sets themselves, function by function
# or file by file, so that one build runs on every x86-64 machine and is fast on the newest.
find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Relative to the sources, so that another build folder, or a clone elsewhere, finds the objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE_PROGRAM})
endif()

add_library(lamina_options INTERFACE)
target_compile_features(lamina_options INTERFACE cxx_std_20)
set(host_flags -Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor)
# The same bits from every compiler: a*b+c is one rounding only where the source says fma.
list(APPEND host_flags -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 sees overlapping copies in std::string's own operators (GCC bug 105651, mended in 13).
  list(APPEND host_flags -Wno-restrict)
endif()
if(LAMINA_WERROR)
  list(APPEND host_flags -Werror)
endif()
list(JOIN host_flags "," cuda_host_flags)
target_compile_options(lamina_options INTERFACE
  "$<$<COMPILE_LANGUAGE:CXX>:${host_flags}>"
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=${cuda_host_flags}>")
if(LAMINA_WERROR)
  target_compile_options(lamina_options INTERFACE
    $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
if(LAMINA_SANITIZE)
  # Instrumented code hides from GCC what is initialised: this warning is only noise there.
  target_compile_options(lamina_options INTERFACE
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    -fsanitize=${LAMINA_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_definitions(lamina_options INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(lamina_options INTERFACE -fsanitize=${LAMINA_SANITIZE})
endif()
