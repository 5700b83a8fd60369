# How folders become targets.
#
# _GNU_SOURCE is defined empty, as by a plain #define in a source: the two may stand together.

# ackproof_sources(OUT DIR...): the *.c files of the folders, without tests and fuzzers.
function(ackproof_sources out)
    set(all)
    foreach(dir IN LISTS ARGN)
        file(GLOB found CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}"
            "${CMAKE_SOURCE_DIR}/${dir}/*.c")
        list(APPEND all ${found})
    endforeach()
    list(FILTER all EXCLUDE REGEX "(_test|/fuzz_[^/]*)\\.c$")
    list(SORT all)
    set(${out} ${all} PARENT_SCOPE)
endfunction()

# ackproof_library(NAME GLOB DIR... [EXCEPT FILE...] [LIBS ...] [DEFINES ...] [GNU])
#   GNU: the folder meets the operating system and may use GNU and POSIX names.
function(ackproof_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "GNU" "" "GLOB;EXCEPT;LIBS;DEFINES")
    ackproof_sources(sources ${arg_GLOB})
    if(arg_EXCEPT)
        list(REMOVE_ITEM sources ${arg_EXCEPT})
    endif()
    if(sources)
        add_library(${name} STATIC ${sources})
        set(scope PUBLIC)
        if(arg_GNU)
            target_compile_definitions(${name} PRIVATE _GNU_SOURCE=)
        endif()
    else()
        message(STATUS "ackproof: no sources yet for ${name}")
        add_library(${name} INTERFACE)
        set(scope INTERFACE)
    endif()
    target_include_directories(${name} ${scope} "${CMAKE_SOURCE_DIR}/src" "${CMAKE_SOURCE_DIR}")
    target_compile_definitions(${name} ${scope} ${arg_DEFINES})
    target_link_libraries(${name} ${scope} ${arg_LIBS})
endfunction()

# Single files of a plain C17 library that meet the operating system.
function(ackproof_gnu_sources)
    file(GLOB files CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}" ${ARGN})
    set_property(SOURCE ${files} APPEND PROPERTY COMPILE_DEFINITIONS _GNU_SOURCE=)
endfunction()

# Target and test name of a file: src/format/event_test.c -> src_format_event_test.
function(ackproof_name out file)
    string(REGEX REPLACE "\\.c$" "" name "${file}")
    string(MAKE_C_IDENTIFIER "${name}" name)
    set(${out} ${name} PARENT_SCOPE)
endfunction()

# The library that stands in the folder of a test or fuzzer.
function(ackproof_library_of out file)
    if(file MATCHES "^src/host/")
        set(lib ackproof_host)
    elseif(file MATCHES "^src/")
        set(lib ackproof_core)
    elseif(file MATCHES "^model/")
        set(lib ackproof_model)
    elseif(file MATCHES "^sim/cli/")
        set(lib ackproof_cli)
    elseif(file MATCHES "^sim/live/")
        set(lib ackproof_live)
    elseif(file MATCHES "^sim/")
        set(lib ackproof_sim)
    else()
        set(lib ackproof_reports)
    endif()
    set(${out} ${lib} PARENT_SCOPE)
endfunction()

# Label and time limit by name and folder:
#   live    sim/live/*, */real_server_test.c    needs a mariadbd; one at a time
#   search  sim/*search*_test.c, sim/explore/*search*_test.c
#   fast    everything else
function(ackproof_label_of out_label out_timeout file)
    if(file MATCHES "^sim/live/" OR file MATCHES "/real_server_test\\.c$")
        set(${out_label} live PARENT_SCOPE)
        set(${out_timeout} 300 PARENT_SCOPE)
    elseif(file MATCHES "^sim/(explore/)?[^/]*search[^/]*_test\\.c$")
        set(${out_label} search PARENT_SCOPE)
        set(${out_timeout} 600 PARENT_SCOPE)
    else()
        set(${out_label} fast PARENT_SCOPE)
        set(${out_timeout} 120 PARENT_SCOPE)
    endif()
endfunction()

function(ackproof_test_properties name label timeout)
    set(environment
        "ACKPROOF_SOURCE_DIR=${CMAKE_SOURCE_DIR}"
        "ACKPROOF_BINARY=${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/ackproof"
        "UBSAN_OPTIONS=print_stacktrace=1"
        "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1")
    set_tests_properties(${name} PROPERTIES
        LABELS ${label}
        TIMEOUT ${timeout}
        SKIP_RETURN_CODE 77
        ENVIRONMENT "${environment}")
    if(label STREQUAL "live")
        set_tests_properties(${name} PROPERTIES RESOURCE_LOCK mariadbd)
    endif()
endfunction()

function(ackproof_find out pattern)
    set(globs)
    foreach(dir src model sim reports)
        list(APPEND globs "${CMAKE_SOURCE_DIR}/${dir}/${pattern}")
    endforeach()
    file(GLOB_RECURSE found CONFIGURE_DEPENDS RELATIVE "${CMAKE_SOURCE_DIR}" ${globs})
    list(FILTER found EXCLUDE REGEX "^reports/out/")
    list(SORT found)
    set(${out} ${found} PARENT_SCOPE)
endfunction()

function(ackproof_add_tests)
    ackproof_find(files "*_test.c")
    foreach(file IN LISTS files)
        ackproof_name(name ${file})
        ackproof_library_of(lib ${file})
        ackproof_label_of(label timeout ${file})
        add_executable(${name} ${file})
        target_compile_definitions(${name} PRIVATE _GNU_SOURCE=)
        target_link_libraries(${name} PRIVATE ${lib} PkgConfig::CMOCKA)
        if(label STREQUAL "live")
            target_link_libraries(${name} PRIVATE ackproof_live)
        endif()
        add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
        ackproof_test_properties(${name} ${label} ${timeout})
    endforeach()
endfunction()

# ackproof_add_script_test(NAME SCRIPT [TARGET...]): a script of ci/ as a fast test; the files of the
# targets, where they have any, are its arguments.
function(ackproof_add_script_test name script)
    set(args)
    foreach(target IN LISTS ARGN)
        get_target_property(type ${target} TYPE)
        if(type STREQUAL "STATIC_LIBRARY")
            list(APPEND args "$<TARGET_FILE:${target}>")
        endif()
    endforeach()
    add_test(NAME ${name} COMMAND bash "${CMAKE_SOURCE_DIR}/${script}" ${args}
        WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    ackproof_test_properties(${name} fast 120)
endfunction()

# src/format/fuzz_event.c -> program and test src_format_fuzz_event. New inputs gather in the build
# folder; a folder src/format/fuzz_event_corpus, where there is one, gives the first inputs.
function(ackproof_add_fuzzers)
    ackproof_find(files "fuzz_*.c")
    math(EXPR timeout "${ACKPROOF_FUZZ_SECONDS} + 60")
    foreach(file IN LISTS files)
        ackproof_name(name ${file})
        ackproof_library_of(lib ${file})
        add_executable(${name} ${file})
        target_compile_definitions(${name} PRIVATE _GNU_SOURCE=)
        target_link_libraries(${name} PRIVATE ${lib})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)

        set(corpus "${CMAKE_BINARY_DIR}/corpus/${name}")
        file(MAKE_DIRECTORY "${corpus}")
        string(REGEX REPLACE "\\.c$" "_corpus" seeds "${CMAKE_SOURCE_DIR}/${file}")
        if(NOT IS_DIRECTORY "${seeds}")
            set(seeds)
        endif()
        add_test(NAME ${name}
            COMMAND ${name} -seed=1 -max_total_time=${ACKPROOF_FUZZ_SECONDS} -timeout=20
                -print_final_stats=1 "-artifact_prefix=${corpus}-" "${corpus}" ${seeds}
            WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
        ackproof_test_properties(${name} fuzz ${timeout})
    endforeach()
endfunction()
