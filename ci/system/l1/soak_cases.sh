# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What takes minutes in the lab.

case_sixty_four_cpus() {
  CASE_SECONDS=900 mayfly_run --cpus 64 --memory 1G -- nproc </dev/null
  expect_status 0
  expect_out 64
}
