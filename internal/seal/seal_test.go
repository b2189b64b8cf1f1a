// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"meetcoop/internal/fault"
)

func newKey(t testing.TB, first byte) *Key {
	t.Helper()
	secret := make([]byte, keyBytes)
	secret[0] = first
	k, err := New(secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestOnlyTheSameKeyAndPurposeOpenAText(t *testing.T) {
	mine, other := newKey(t, 1), newKey(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		text, purpose := rapid.String().Draw(t, "text"), rapid.String().Draw(t, "purpose")
		sealed, _ := mine.Seal(purpose, text)
		if got, err := mine.Open(purpose, sealed); err != nil || got != text {
			t.Fatalf("opened %q, %v", got, err)
		}
		if again, _ := mine.Seal(purpose, text); sealed == again {
			t.Fatal("sealed twice, it is the same")
		}
		if _, err := mine.Open(purpose+"x", sealed); err == nil {
			t.Fatal("another purpose opens it")
		}
		if _, err := other.Open(purpose, sealed); err == nil {
			t.Fatal("another key opens it")
		}
		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "at")
		if got, err := mine.Open(purpose, sealed[:at]+"!"+sealed[at+1:]); err == nil {
			t.Fatalf("changed, it is %q", got)
		}
		if _, err := mine.Open(purpose, sealed[:at]); err == nil {
			t.Fatal("cut, it opens")
		}
	})
}

func TestTheKeyFileIsMadeOnceAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "master.key")
	prints := make([]string, 8)
	var wg sync.WaitGroup
	for i := range prints {
		wg.Go(func() {
			k, err := Load(path)
			if err != nil {
				t.Error(err)
				return
			}
			prints[i] = k.Fingerprint()
		})
	}
	wg.Wait()
	for _, p := range prints {
		if p != prints[0] {
			t.Fatalf("several keys: %v", prints)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAKeyFileThatIsNoKeyOrReadableByOthersIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"nothing": {"", 0o600}, "a word": {"secret", 0o600}, "half a key": {"00112233445566778899aabbccddeeff", 0o600},
		"open to a group": {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", 0o640},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path); fault.CodeOf(err) != "seal.key_file" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWrappedKeyIsReadWithItsPassword(t *testing.T) {
	was := rounds
	t.Cleanup(func() { rounds = was })
	rounds = 1000
	k := newKey(t, 7)
	wrapped, err := k.Wrap("database password")
	if err != nil {
		t.Fatal(err)
	}
	got, err := Unwrap("database password", wrapped)
	if err != nil || got.Fingerprint() != k.Fingerprint() {
		t.Errorf("unwrapped: %v", err)
	}
	for _, c := range [][2]string{{"other", wrapped}, {"database password", ""}, {"database password", "x.y"}} {
		if _, err := Unwrap(c[0], c[1]); err == nil {
			t.Errorf("%q opens %.20q", c[0], c[1])
		}
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := got.Save(path); err != nil {
		t.Fatal(err)
	}
	if again, err := Load(path); err != nil || again.Fingerprint() != k.Fingerprint() {
		t.Errorf("saved and read: %v", err)
	}
	if err := got.Save(path); err == nil {
		t.Error("a key file is overwritten")
	}
}
