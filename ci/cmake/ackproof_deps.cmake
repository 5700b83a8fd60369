# What ackproof links, all of it packaged in Debian 12 (ci/packages.txt).

find_package(PkgConfig REQUIRED)
pkg_check_modules(DEFLATE REQUIRED IMPORTED_TARGET libdeflate)
pkg_check_modules(FIU REQUIRED IMPORTED_TARGET libfiu)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(CYAML REQUIRED IMPORTED_TARGET libcyaml)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(MARIADB REQUIRED IMPORTED_TARGET libmariadb)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(XML2 REQUIRED IMPORTED_TARGET libxml-2.0)
if(ACKPROOF_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()

# Random123 is headers only and has no .pc file.
find_path(RANDOM123_INCLUDE_DIR Random123/philox.h REQUIRED)
add_library(ackproof_random123 INTERFACE)
target_include_directories(ackproof_random123 SYSTEM INTERFACE "${RANDOM123_INCLUDE_DIR}")
