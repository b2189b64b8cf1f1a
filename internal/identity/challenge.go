// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

// Purpose says what a challenge is for.
type Purpose string

// The purposes there are.
const (
	PurposeSignUp Purpose = "signup"
	PurposeSignIn Purpose = "signin"
	PurposeInvite Purpose = "invite"
)

// How long challenges live. Five-minute links lost members at the real roll-out
// (https://forum.meet.coop/t/single-sign-on-accounts-rolling-out/1085).
const (
	mailLife     = 15 * time.Minute    // link and code asked for in a browser
	operatorLife = 7 * 24 * time.Hour  // links made by an operator
	inviteLife   = 14 * 24 * time.Hour // invitations made by people
)

// maxTries is how many codes may be tried; one in 200,000 guessers gets lucky.
const maxTries = 5

// LinkPath is where links lead: PublicURL + LinkPath + token. A GET there calls ChallengeView, the button on
// that page posts and calls ConfirmLink.
const LinkPath = "/signin/link/"

// challenge is one row: an address that somebody claims, and what happens when its owner answers.
type challenge struct {
	id          id.Challenge
	purpose     Purpose
	address     string
	key         string
	codeMAC     string // "" when the letter carries, or will carry, no code
	browserHash string // of the asking browser; "" for links made by an operator or an inviter
	tries       int
	locale      locale.Tag
	next        string
	data        challengeData
	mailedAt    instant.Instant
	expiresAt   instant.Instant
	consumedAt  instant.Instant
}

// challengeData is what waits on a challenge for the proof.
type challengeData struct {
	Name         string `json:"name,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	Level        string `json:"level,omitempty"`
	Zone         string `json:"zone,omitempty"`
	Ref          string `json:"ref,omitempty"`      // of an invitation
	Operator     bool   `json:"operator,omitempty"` // made on the command line
}

// Asked is the answer to SignUp and SignInStart, the same for known and unknown addresses.
type Asked struct {
	Challenge id.Challenge
	ExpiresAt instant.Instant
}

// View is what the page behind a link, and the page that waits for a code, may show.
type View struct {
	Challenge id.Challenge
	Purpose   Purpose
	Address   string // the page names it, so that nobody is signed in as somebody else unknowingly
	Name      string // given at sign-up or by the inviter; may be ""
	Ref       string // of an invitation
	ExpiresAt instant.Instant
}

func (c challenge) view() View {
	return View{Challenge: c.id, Purpose: c.purpose, Address: c.address, Name: c.data.Name, Ref: c.data.Ref, ExpiresAt: c.expiresAt}
}

// ChallengeView returns what the link's page shows. It changes nothing, however often a mail scanner
// comes by. Conflict (signin.link_used) when the link is unknown, used or over: the three are not told apart.
func (s *Service) ChallengeView(ctx context.Context, token string) (View, error) {
	now, hash := s.Now(), hashToken(token)
	var v View
	err := s.DB.Read(ctx, func(r store.Reader) error {
		c, ok, err := findOpenByToken(ctx, r, hash, now)
		if err != nil {
			return err
		}
		if !ok || hash == "" {
			return fault.New(fault.Conflict, "signin.link_used")
		}
		v = c.view()
		return nil
	})
	return v, err
}

// Pending returns what the page that waits for the code shows in the asking browser. Conflict
// (signin.code_over) when the challenge is over, used, unknown, or was asked for in another browser.
func (s *Service) Pending(ctx context.Context, ch id.Challenge, browser string) (View, error) {
	now := s.Now()
	var v View
	err := s.DB.Read(ctx, func(r store.Reader) error {
		c, ok, err := findChallenge(ctx, r, ch)
		if err != nil {
			return err
		}
		if !ok || c.browserHash == "" || c.browserHash != hashToken(browser) || !c.consumedAt.IsZero() || !c.expiresAt.After(now) || c.tries >= maxTries {
			return fault.New(fault.Conflict, "signin.code_over")
		}
		v = c.view()
		return nil
	})
	return v, err
}
