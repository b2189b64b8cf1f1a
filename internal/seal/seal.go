// SPDX-License-Identifier: AGPL-3.0-or-later

package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"meetcoop/internal/fault"
)

const keyBytes = 32

// Key is the master key. It is safe for concurrent use.
type Key struct {
	secret []byte
	aead   cipher.AEAD
}

// New returns the key of 32 bytes.
func New(secret []byte) (*Key, error) {
	if len(secret) != keyBytes {
		return nil, fmt.Errorf("seal: a key has %d bytes, not %d", keyBytes, len(secret))
	}
	k := &Key{secret: secret}
	block, err := aes.NewCipher(k.Derive("seal"))
	if err != nil {
		return nil, err
	}
	k.aead, err = cipher.NewGCM(block)
	return k, err
}

// Load reads the key file, 64 hexadecimal digits, or makes it when there is none. Two processes may call it at once.
// Invalid (seal.key_file) when the file holds anything else or others may read it.
func Load(path string) (*Key, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Invalid, "seal.key_file", fault.Params{"Path": path})
	}
	text, err := os.ReadFile(path) // #nosec G304: the operator names it
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	secret, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(secret) != keyBytes {
		return nil, fault.New(fault.Invalid, "seal.key_file", fault.Params{"Path": path})
	}
	return New(secret)
}

// create writes a fresh key under another name and links it, so that nobody reads half a key and the first of two wins.
func create(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return nil // there, or unreadable: reading it tells
	}
	secret := make([]byte, keyBytes)
	_, _ = rand.Read(secret) // never fails
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".master-key-*") // mode 0600
	if err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // linked by then, or of no use
	_, err = f.WriteString(hex.EncodeToString(secret) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("master key: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("master key: %w", err)
	}
	return nil
}

// Derive returns 32 bytes that only this key gives for label (HKDF with SHA-256, RFC 5869).
func (k *Key) Derive(label string) []byte {
	out, err := hkdf.Key(sha256.New, k.secret, nil, "meetcoop "+label, keyBytes)
	if err != nil {
		panic(err) // only for more bytes than SHA-256 allows
	}
	return out
}

// Fingerprint names the key without telling it: 16 hexadecimal digits.
func (k *Key) Fingerprint() string { return hex.EncodeToString(k.Derive("fingerprint")[:8]) }

const form = "v1:"

// Seal makes text unreadable; purpose says what it is for and must be given again to Open it. The error is nil: it is for those who
// must fetch a key first.
func (k *Key) Seal(purpose, text string) (string, error) {
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return form + base64.RawStdEncoding.EncodeToString(k.aead.Seal(nonce, nonce, []byte(text), []byte(purpose))), nil
}

// errSealed tells nothing of what was tried.
var errSealed = errors.New("seal: not sealed with this key for this purpose")

// Open returns what was sealed.
func (k *Key) Open(purpose, sealed string) (string, error) {
	body, ok := strings.CutPrefix(sealed, form)
	raw, err := base64.RawStdEncoding.DecodeString(body)
	if !ok || err != nil || len(raw) < k.aead.NonceSize() {
		return "", errSealed
	}
	text, err := k.aead.Open(nil, raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():], []byte(purpose))
	if err != nil {
		return "", errSealed
	}
	return string(text), nil
}
