# SPDX-License-Identifier: Apache-2.0
# The session side of vmm/: channel, stdio, terminal, signals, main loop. Included by CMakeLists.txt, which puts
# ${mayfly_session_sources} into mayfly_vmm.
set(mayfly_session_sources
  console_output.cpp
  exec.cpp
  outcome.cpp
  run_loop.cpp
  run_requests.cpp
  session.cpp
  session_frames.cpp
  session_launch.cpp
  session_link.cpp
  session_outbox.cpp
  signals.cpp
  stdio_reader.cpp
  stdio_thread.cpp
  stdio_writer.cpp
  terminal.cpp
  thread_cpus.cpp)

if(MAYFLY_BUILD_TESTS)
  mayfly_add_test(mayfly_session_test
    SOURCES console_output_test.cpp outcome_test.cpp run_loop_test.cpp session_frames_test.cpp session_launch_test.cpp session_link_test.cpp
            session_outbox_test.cpp session_stream_test.cpp session_test.cpp signals_test.cpp stdio_reader_test.cpp
            stdio_writer_test.cpp terminal_test.cpp thread_cpus_test.cpp
    LIBRARIES mayfly_vmm)
endif()

if(MAYFLY_SANITIZE)
  mayfly_add_fuzzer(session_fuzz SOURCES session_fuzz.cpp LIBRARIES mayfly_vmm)
endif()
