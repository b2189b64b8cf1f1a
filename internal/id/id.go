// SPDX-License-Identifier: AGPL-3.0-or-later

// Package id holds one distinct type per kind of identifier, so that passing a
// room where a member is expected does not compile.
//
// An identifier is a short lower-case prefix, an underscore and a UUID version 7
// (RFC 9562, section 5.7) written as 32 lower-case hexadecimal digits, for example
// "room_0192f0c1a2b37c4d8e9f0a1b2c3d4e5f". Byte order is creation order to the
// millisecond; within one process it is strictly increasing.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"meetcoop/internal/fault"
)

// The identifier types. The zero value "" means "none" and is stored as NULL by
// the columns that allow it.
type (
	Person      string // a human with an account
	Email       string // one address of a person
	Challenge   string // one sign-up or sign-in by mail under way
	Session     string // one signed-in browser
	Event       string // one audit event
	Member      string // an organisation or individual in the register
	Affiliation string // a person's place in a member
	Stewardship string // who looks after a member, from when to when
	Fact        string // one standing fact
	Override    string // a level lent, or single limits replaced
	Connection  string // API credential of a member; the portal's own is built in
	Secret      string // one shared secret of a connection
	Container   string // one Greenlight that serves many members
	Decision    string // a recorded decision
	Level       string // one version of a service level
	Room        string // a standing place with a link
	Server      string // a machine or process on which meetings run
	Meeting     string // what runs in a room now
	Participant string // one person or guest in one meeting
	Usage       string // one fact of use
	Job         string // one durable piece of work
	Mail        string // one letter
	Node        string // one running process of this program
	Message     string // one line of chat
)

var prefixes = map[string]bool{}

func prefix(p string) string { prefixes[p] = true; return p + "_" }

var (
	pPerson      = prefix("person")
	pEmail       = prefix("email")
	pChallenge   = prefix("chal")
	pSession     = prefix("ses")
	pEvent       = prefix("ev")
	pMember      = prefix("mem")
	pAffiliation = prefix("aff")
	pStewardship = prefix("stew")
	pFact        = prefix("fact")
	pOverride    = prefix("ovr")
	pConnection  = prefix("conn")
	pSecret      = prefix("sec")
	pContainer   = prefix("cont")
	pDecision    = prefix("dec")
	pLevel       = prefix("lvl")
	pRoom        = prefix("room")
	pServer      = prefix("srv")
	pMeeting     = prefix("meet")
	pParticipant = prefix("part")
	pUsage       = prefix("use")
	pJob         = prefix("job")
	pMail        = prefix("mail")
	pNode        = prefix("node")
	pMessage     = prefix("msg")
)

// NewPerson and its siblings draw a fresh identifier. They are safe for concurrent use.
func NewPerson() Person           { return Person(pPerson + uuid7()) }
func NewEmail() Email             { return Email(pEmail + uuid7()) }
func NewChallenge() Challenge     { return Challenge(pChallenge + uuid7()) }
func NewSession() Session         { return Session(pSession + uuid7()) }
func NewEvent() Event             { return Event(pEvent + uuid7()) }
func NewMember() Member           { return Member(pMember + uuid7()) }
func NewAffiliation() Affiliation { return Affiliation(pAffiliation + uuid7()) }
func NewStewardship() Stewardship { return Stewardship(pStewardship + uuid7()) }
func NewFact() Fact               { return Fact(pFact + uuid7()) }
func NewOverride() Override       { return Override(pOverride + uuid7()) }
func NewConnection() Connection   { return Connection(pConnection + uuid7()) }
func NewContainer() Container     { return Container(pContainer + uuid7()) }
func NewSecret() Secret           { return Secret(pSecret + uuid7()) }
func NewDecision() Decision       { return Decision(pDecision + uuid7()) }
func NewLevel() Level             { return Level(pLevel + uuid7()) }
func NewRoom() Room               { return Room(pRoom + uuid7()) }
func NewServer() Server           { return Server(pServer + uuid7()) }
func NewMeeting() Meeting         { return Meeting(pMeeting + uuid7()) }
func NewParticipant() Participant { return Participant(pParticipant + uuid7()) }
func NewUsage() Usage             { return Usage(pUsage + uuid7()) }
func NewJob() Job                 { return Job(pJob + uuid7()) }
func NewMail() Mail               { return Mail(pMail + uuid7()) }
func NewNode() Node               { return Node(pNode + uuid7()) }
func NewMessage() Message         { return Message(pMessage + uuid7()) }

// DerivedParticipant returns the participant of a person in a meeting on a server that knows no participants of ours: the
// same for the same two, so that whoever joins again or is listed there is the same. It begins with the time in m, so that people of
// one meeting are neighbours in an index.
func DerivedParticipant(m Meeting, person [16]byte) Participant {
	const when = 12 // hexadecimal digits of a UUID version 7 that tell the millisecond
	sum := sha256.Sum256(append([]byte(m), person[:]...))
	began := strings.TrimPrefix(string(m), pMeeting)
	return Participant(pParticipant + began[:min(when, len(began))] + hex.EncodeToString(sum[:16])[min(when, len(began)):])
}

// ParseMeeting returns s as a meeting id, or NotFound (id.malformed) when s cannot be one.
func ParseMeeting(s string) (Meeting, error) { return Meeting(s), check(s, pMeeting) }

// ParseParticipant returns s as a participant id, or NotFound (id.malformed).
func ParseParticipant(s string) (Participant, error) { return Participant(s), check(s, pParticipant) }

// ParseRoom returns s as a room id, or NotFound (id.malformed).
func ParseRoom(s string) (Room, error) { return Room(s), check(s, pRoom) }

// ParseSession returns s as a session id, or NotFound (id.malformed).
func ParseSession(s string) (Session, error) { return Session(s), check(s, pSession) }

// ParseMember returns s as a member id, or NotFound (id.malformed).
func ParseMember(s string) (Member, error) { return Member(s), check(s, pMember) }

// ParsePerson returns s as a person id, or NotFound (id.malformed).
func ParsePerson(s string) (Person, error) { return Person(s), check(s, pPerson) }

// ParseMail returns s as a mail id, or NotFound (id.malformed).
func ParseMail(s string) (Mail, error) { return Mail(s), check(s, pMail) }

// Malformed identifiers answer exactly like unknown ones: whoever guesses learns nothing.
func check(s, want string) error {
	digits, ok := strings.CutPrefix(s, want)
	if !ok || len(digits) != 32 {
		return fault.New(fault.NotFound, "id.malformed")
	}
	for _, c := range []byte(digits) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fault.New(fault.NotFound, "id.malformed")
		}
	}
	return nil
}

var clock struct {
	sync.Mutex
	ms  uint64 // the millisecond last used
	seq uint16 // 12 bits within it
}

// uuid7 uses the fixed-length dedicated counter of RFC 9562, section 6.2, method 1.
func uuid7() string {
	var b [16]byte
	_, _ = rand.Read(b[8:]) // crypto/rand.Read never fails since Go 1.24
	now := uint64(time.Now().UnixMilli())

	clock.Lock()
	switch {
	case now > clock.ms:
		clock.ms, clock.seq = now, 0
	case clock.seq == 0x0fff:
		clock.ms, clock.seq = clock.ms+1, 0
	default:
		clock.seq++
	}
	ms, seq := clock.ms, clock.seq
	clock.Unlock()

	binary.BigEndian.PutUint64(b[:8], ms<<16|0x7000|uint64(seq))
	b[8] = b[8]&0x3f | 0x80
	return hex.EncodeToString(b[:])
}
