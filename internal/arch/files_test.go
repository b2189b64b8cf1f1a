// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestTheLockFileNamesNoPlace: whoever installs chooses the registry or mirror; the hashes say what is right.
func TestTheLockFileNamesNoPlace(t *testing.T) {
	lock := read(t, "package-lock.json")
	if strings.Contains(lock, "://registry") || strings.Contains(lock, `"resolved": "http`) {
		t.Error("package-lock.json holds download addresses: npm config omit-lockfile-registry-resolved belongs into .npmrc")
	}
	if !strings.Contains(lock, `"integrity": "sha512-`) {
		t.Error("package-lock.json holds no hashes")
	}
}

// TestPromisesHaveAnIssue: a note of something to be done names where it is written down.
func TestPromisesHaveAnIssue(t *testing.T) {
	promise, named := regexp.MustCompile(`\bTODO\b`), regexp.MustCompile(`\bTODO\(#\d+\): \S`)
	for _, name := range files(t, commentable) {
		if strings.HasPrefix(name, "internal/arch/") {
			continue
		}
		for i, line := range strings.Split(read(t, name), "\n") {
			if promise.MatchString(line) && !named.MatchString(line) {
				t.Errorf("%s:%d: %s", name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// TestEveryTargetOfTheContractExists: README and contract promise them.
func TestEveryTargetOfTheContractExists(t *testing.T) {
	makefile := "\n" + read(t, "Makefile")
	for _, target := range []string{"run", "build", "test", "check", "bench", "screenshots", "a11y", "generate", "clean", "test-db"} {
		if !strings.Contains(makefile, "\n"+target+":") {
			t.Errorf("make %s does not exist", target)
		}
	}
	if ci := read(t, ".ci/run"); !strings.Contains(ci, "make test") {
		t.Error(".ci/run does not call make test")
	}
}
