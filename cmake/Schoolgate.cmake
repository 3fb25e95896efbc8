# How every folder of this tree is built.
#
#   sg_folder(NAME [DEPS target...])
#
# makes the library sg_NAME from every .cc beside the calling CMakeLists.txt,
# and the test program NAME_test from every *_test.cc there. *_main.cc files
# belong to sg_program, *_fuzz.cc files to sg_fuzzer. A new file is picked up
# by itself: nothing has to be registered, so nothing can be forgotten.

find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(zstd CONFIG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(yaml-cpp CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(GTest CONFIG REQUIRED)
find_package(benchmark CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
foreach(library libsodium libpcap libmicrohttpd libpsl libidn2 sqlite3 libmnl
                libnftnl libpq cjose libsystemd libndpi libseccomp)
  pkg_check_modules(${library} REQUIRED IMPORTED_TARGET ${library})
endforeach()
include(GoogleTest)

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# What code that is generated needs, too: protobuf's reads what the network
# brings. tests/packages/hardened looks for all of this in release builds, and
# for what the linker does in every build.
set(shipped_options -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
if(SCHOOLGATE_HARDEN)
  list(APPEND shipped_options
    -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS -fstack-protector-strong
    -fstack-clash-protection -fcf-protection -fPIE)
endif()
add_library(sg_generated_flags INTERFACE)
target_compile_options(sg_generated_flags INTERFACE ${shipped_options})

add_library(sg_flags INTERFACE)
target_compile_options(sg_flags INTERFACE
  -Wall -Wextra
  # What GCC calls local is what Clang means without a word.
  $<IF:$<CXX_COMPILER_ID:GNU>,-Wshadow=local,-Wshadow>
  -Wnon-virtual-dtor -Wno-unused-parameter -Wno-missing-field-initializers
  $<$<BOOL:${SCHOOLGATE_WERROR}>:-Werror>
  ${shipped_options})
target_compile_definitions(sg_flags INTERFACE
  SCHOOLGATE_VERSION="${PROJECT_VERSION}")
target_include_directories(sg_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_link_libraries(sg_flags INTERFACE Threads::Threads)
if(SCHOOLGATE_SANITIZE)
  target_compile_options(sg_flags INTERFACE
    -fsanitize=${SCHOOLGATE_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(sg_flags INTERFACE -fsanitize=${SCHOOLGATE_SANITIZE})
endif()
if(NOT SCHOOLGATE_SANITIZE AND NOT SCHOOLGATE_FUZZ)
  target_link_options(sg_flags INTERFACE
    -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
if(SCHOOLGATE_FUZZ)
  target_compile_options(sg_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(sg_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(sg_folder name)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_(test|main|fuzz)\\.cc$")
  if(sources)
    add_library(sg_${name} STATIC ${sources})
    target_link_libraries(sg_${name} PUBLIC sg_flags ${arg_DEPS})
  else()
    add_library(sg_${name} INTERFACE)
    target_link_libraries(sg_${name} INTERFACE sg_flags ${arg_DEPS})
  endif()
  if(tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE
      sg_${name} GTest::gmock_main GTest::gtest)
    gtest_discover_tests(${name}_test
      TEST_PREFIX ${name}. DISCOVERY_TIMEOUT 60
      WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} PROPERTIES TIMEOUT 300)
  endif()
endfunction()

# sg_program(PROGRAM MAIN.cc [DEPS target...]): build/bin/PROGRAM.
function(sg_program name main)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  add_executable(${name} ${main})
  target_link_libraries(${name} PRIVATE sg_flags ${arg_DEPS})
endfunction()

# sg_fuzzer(NAME X_fuzz.cc CORPUS_DIR [DEPS target...])
#
# With SCHOOLGATE_FUZZ: the libFuzzer program NAME. Without: a plain test that
# feeds every file of CORPUS_DIR to the same entry point, so that what a fuzzer
# once found stays found.
function(sg_fuzzer name source corpus)
  cmake_parse_arguments(arg "" "" "DEPS" ${ARGN})
  if(SCHOOLGATE_FUZZ)
    add_executable(${name} ${source})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  else()
    add_executable(${name} ${source} ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_corpus.cc)
    add_test(NAME fuzz.${name} COMMAND ${name} ${corpus})
    set_tests_properties(fuzz.${name} PROPERTIES TIMEOUT 300)
  endif()
  target_link_libraries(${name} PRIVATE sg_flags ${arg_DEPS})
endfunction()
