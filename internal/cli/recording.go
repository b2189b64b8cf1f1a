// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"io"
	"path/filepath"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
)

// RecordingCmd is the noun recording.
type RecordingCmd struct {
	Import  RecordingImport  `cmd:"" help:"Take recordings in from a directory or tar of a BigBlueButton machine."`
	List    RecordingList    `cmd:"" help:"List recordings."`
	Publish RecordingPublish `cmd:"" help:"Show a recording to those who may see it, or bring it back from the trash."`
	Delete  RecordingDelete  `cmd:"" help:"Take a recording away; its files stay in the trash for a week."`
}

// RecordingImport is recording import.
type RecordingImport struct {
	Path       string `arg:"" type:"path" help:"A tar, or a directory such as /var/bigbluebutton/published."`
	Connection string `placeholder:"NAME" help:"Whose they are when neither their meeting nor their tenant-id tells."`
}

// Run imports.
func (c *RecordingImport) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	in := recording.ImportInput{Path: filepath.Clean(c.Path)}
	if c.Connection != "" {
		err := s.DB.Read(r.Context, func(tx store.Reader) error {
			v, err := membership.ConnectionByName(r.Context, tx, c.Connection)
			in.Connection = v.ID
			return err
		})
		if err != nil {
			return err
		}
	}
	recordings, err := s.Recordings()
	if err != nil {
		return err
	}
	out, err := recordings.Import(r.Context, in)
	if err != nil {
		return err
	}
	return r.print(out, func(w io.Writer) {
		line(w, "RECORDING", "FORMAT", "OUTCOME")
		for _, v := range out.Imported {
			line(w, v.Recording, v.Format, "imported")
		}
		for _, v := range out.Known {
			line(w, v.Recording, v.Format, "known")
		}
		for _, v := range out.Broken {
			line(w, v.Recording, v.Format, "broken: "+v.Problem)
		}
	})
}

// RecordingList is recording list.
type RecordingList struct {
	Member     string `placeholder:"SLUG" help:"Only of this member."`
	Quarantine bool   `help:"Only those whose owner nobody knows."`
}

type recordingRow struct {
	ID         recording.ID     `json:"id"`
	Member     id.Member        `json:"member,omitempty"`
	Connection id.Connection    `json:"connection,omitempty"`
	MeetingID  string           `json:"meeting_id"`
	Name       string           `json:"name"`
	Mode       recording.Mode   `json:"mode"`
	State      recording.State  `json:"state"`
	Access     recording.Access `json:"access"`
	Formats    []string         `json:"formats"`
	Bytes      int64            `json:"bytes"`
}

func rowOf(v recording.Recording) recordingRow {
	out := recordingRow{v.ID, v.Member, v.Connection, v.ExternalID, v.Name, v.Mode, v.State, v.Access, []string{}, v.Bytes()}
	for _, f := range v.Formats {
		out.Formats = append(out.Formats, f.Type)
	}
	return out
}

const recordingsAtOnce = 500

// Run lists.
func (c *RecordingList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	out := []recordingRow{}
	err = s.DB.Read(r.Context, func(tx store.Reader) error {
		if c.Member != "" {
			m, err := membership.GetBySlug(r.Context, tx, c.Member)
			if err != nil {
				return err
			}
			all, err := recording.OfMember(r.Context, tx, m.ID)
			for _, v := range all {
				out = append(out, rowOf(v))
			}
			return err
		}
		for last := recording.ID(""); ; {
			all, err := recording.All(r.Context, tx, last, recordingsAtOnce)
			if err != nil {
				return err
			}
			for _, v := range all {
				last = v.ID
				if !c.Quarantine || v.Connection == "" {
					out = append(out, rowOf(v))
				}
			}
			if len(all) < recordingsAtOnce {
				return nil
			}
		}
	})
	if err != nil {
		return err
	}
	return r.print(out, func(w io.Writer) {
		line(w, "ID", "MEETING", "MODE", "STATE", "ACCESS", "BYTES")
		for _, v := range out {
			line(w, v.ID, v.MeetingID, v.Mode, v.State, v.Access, v.Bytes)
		}
	})
}

// RecordingPublish is recording publish.
type RecordingPublish struct {
	ID     string `arg:"" help:"Of the recording."`
	Off    bool   `help:"Hide it instead."`
	Access string `enum:",link,protected,members" default:"" placeholder:"WHO" help:"link, protected or members; stored ones only."`
}

// Run publishes.
func (c *RecordingPublish) Run(r *Run) error {
	in := recording.SetInput{ID: recording.ID(c.ID), State: recording.Published, Access: recording.Access(c.Access)}
	if c.Off {
		in.State = recording.Unpublished
	}
	return set(r, in)
}

// RecordingDelete is recording delete.
type RecordingDelete struct {
	ID string `arg:"" help:"Of the recording."`
}

// Run deletes.
func (c *RecordingDelete) Run(r *Run) error {
	return set(r, recording.SetInput{ID: recording.ID(c.ID), State: recording.Deleted})
}

func set(r *Run, in recording.SetInput) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	recordings, err := s.Recordings()
	if err != nil {
		return err
	}
	v, err := recordings.Set(r.Context, identity.Operator(), in)
	if err != nil {
		return err
	}
	return r.done(rowOf(v), "%s is %s", v.ID, v.State)
}
