// SPDX-License-Identifier: AGPL-3.0-or-later

// Package arch holds no code: its tests check what must hold over the whole repository, and no compiler
// checks. Which package may import which (arrows_test.go), licence headers (licence_test.go), SQL only in sql.go
// (sql_test.go), what reaches the program (binary_test.go), texts complete in every language
// (locales_test.go, templates_test.go), every fault told to people and listed in docs/faults.md (faults_test.go).
//
// The tests read the sources, so they see files that git does not know yet and pass or fail without a build of the program.
package arch
