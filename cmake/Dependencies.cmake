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
# On x86 xxHash has two builds of itself in one library; the one that looks at the processor is three times as fast.
include(CheckCXXSourceCompiles)
include(CMakePushCheckState)
cmake_push_check_state(RESET)
set(CMAKE_REQUIRED_LIBRARIES PkgConfig::XXHASH)
check_cxx_source_compiles([[
#include <xxhash.h>
#include <xxh_x86dispatch.h>
int main(int count, char** words) { return static_cast<int>(XXH3_128bits_withSeed_dispatch(words, count, 0).low64); }
]] KVASIR_XXHASH_DISPATCHES)
cmake_pop_check_state()
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
