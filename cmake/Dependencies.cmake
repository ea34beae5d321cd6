# System packages. scripts/setup.sh installs them on Debian; Homebrew has all of them under similar names.

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto SSL)
find_package(SQLite3 3.37 REQUIRED)
find_package(CURL 7.85 REQUIRED)  # kvasir pull
find_package(fmt 9 REQUIRED)
find_package(spdlog 1.10 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(Boost 1.81 REQUIRED)  # headers only: JSON

find_package(PkgConfig REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
if(APPLE)
    find_library(LIBEDIT_LIBRARY edit REQUIRED)
    add_library(kvasir_libedit INTERFACE)
    target_link_libraries(kvasir_libedit INTERFACE "${LIBEDIT_LIBRARY}")
else()
    pkg_check_modules(LIBEDIT REQUIRED IMPORTED_TARGET libedit)
    add_library(kvasir_libedit INTERFACE)
    target_link_libraries(kvasir_libedit INTERFACE PkgConfig::LIBEDIT)
endif()

if(KVASIR_TESTS)
    find_package(GTest 1.12 REQUIRED)
    include(GoogleTest)
endif()
