# Language, warnings and build types. Everything here holds for every target: one target without the
# prefix map, for example, would make builds from two folders differ.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

# Asserts are part of the product: no build type defines NDEBUG.
set(CMAKE_C_FLAGS_DEBUG "-O0 -g")
set(CMAKE_C_FLAGS_DEV "-O1 -g")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug (-O0), Dev (-O1) or Release (-O2)" FORCE)
endif()

add_compile_options(
    -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror=vla
    # The same sums on every machine and compiler: no fused multiply-add behind our back.
    -ffp-contract=off
    "-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")
if(ACKPROOF_WERROR)
    add_compile_options(-Werror)
endif()

if(ACKPROOF_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "ACKPROOF_FUZZ needs clang: cmake --preset fuzz")
    endif()
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(ACKPROOF_SANITIZE)
    add_compile_options("-fsanitize=${ACKPROOF_SANITIZE}" -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    add_link_options("-fsanitize=${ACKPROOF_SANITIZE}")
endif()
if(ACKPROOF_COVERAGE)
    add_compile_options(--coverage)
    add_link_options(--coverage)
endif()
if(ACKPROOF_LTO)
    include(CheckIPOSupported)
    check_ipo_supported(RESULT lto_works OUTPUT lto_why LANGUAGES C)
    if(lto_works)
        set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
        # The linker compiles now: it needs the prefix map too.
        add_link_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.")
    else()
        message(WARNING "no link-time optimisation: ${lto_why}")
    endif()
endif()
