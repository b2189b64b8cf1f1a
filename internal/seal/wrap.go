// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// rounds make guessing a password from a wrapped key slow: OWASP's figure of 2023 for PBKDF2 with SHA-256. Tests take fewer.
var rounds = 600_000

const wrapPurpose = "wrapped master key"

// Wrap makes the key readable for whoever has the password, such as that of a database in which the result may be kept.
func (k *Key) Wrap(password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	outer, err := fromPassword(password, salt)
	if err != nil {
		return "", err
	}
	sealed, err := outer.Seal(wrapPurpose, hex.EncodeToString(k.secret))
	return hex.EncodeToString(salt) + "." + sealed, err
}

// Unwrap returns the key that was wrapped with the password.
func Unwrap(password, wrapped string) (*Key, error) {
	head, sealed, ok := strings.Cut(wrapped, ".")
	salt, err := hex.DecodeString(head)
	if !ok || err != nil {
		return nil, errSealed
	}
	outer, err := fromPassword(password, salt)
	if err != nil {
		return nil, err
	}
	text, err := outer.Open(wrapPurpose, sealed)
	if err != nil {
		return nil, err
	}
	secret, err := hex.DecodeString(text)
	if err != nil {
		return nil, errSealed
	}
	return New(secret)
}

func fromPassword(password string, salt []byte) (*Key, error) {
	secret, err := pbkdf2.Key(sha256.New, password, salt, rounds, keyBytes)
	if err != nil {
		return nil, err
	}
	return New(secret)
}

// Save writes the key where there is no key file yet.
func (k *Key) Save(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // #nosec G304: the operator names it
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	_, err = f.WriteString(hex.EncodeToString(k.secret) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	return nil
}
