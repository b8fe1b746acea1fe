# Cross-compiles for 64-bit Arm with Debian's compiler, and runs what it built under qemu-user.
#
# libc and libstdc++ come with the compiler. All other libraries lie in a folder of their own, not
# among the machine's: tools/check_arm --sysroot unpacks Debian's packages into it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# CMake's own trial projects read this file too.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES LAMINA_ARM_SYSROOT)
set(LAMINA_ARM_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm-sysroot
  CACHE PATH "Where Arm's libraries are unpacked")
get_filename_component(sysroot ${LAMINA_ARM_SYSROOT} ABSOLUTE)

# Where libjpeg keeps what differs between machines.
set(CMAKE_CXX_FLAGS_INIT "-isystem ${sysroot}/usr/include/aarch64-linux-gnu")

set(CMAKE_FIND_ROOT_PATH ${sysroot} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(kind LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()

# The machine's own pkg-config reads the folder's .pc files and puts the folder before their paths.
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${sysroot})
set(ENV{PKG_CONFIG_LIBDIR} ${sysroot}/usr/lib/aarch64-linux-gnu/pkgconfig:${sysroot}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_PATH} "")

# Tests, and programs that a build runs. -L is where Arm's libc is; the other libraries are found by
# the paths that CMake leaves in a build tree's programs.
find_program(LAMINA_QEMU NAMES qemu-aarch64 qemu-aarch64-static DOC "Runs Arm's programs here")
if(LAMINA_QEMU)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${LAMINA_QEMU} -L /usr/aarch64-linux-gnu)
endif()
