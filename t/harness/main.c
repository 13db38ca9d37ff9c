/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * main.c - the main() of every C test: runs the suite that the file defines.
 *
 * Check reads its own environment: CK_FORK=no for a debugger, CK_RUN_CASE for a
 * single case, CK_TAP_LOG_FILE_NAME for the results as TAP.
 */
#include <check.h>
#include <stdlib.h>

Suite *suite(void);

int
main(void)
{
	SRunner *runner;
	int failed;

	/* It ends what hangs; Check's own 4 s end what waits for others. */
	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
	runner = srunner_create(suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
