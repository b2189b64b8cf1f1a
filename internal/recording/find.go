// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"maps"
	"slices"

	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

// Page is some of what a Query asks for.
type Page struct {
	Recordings []Recording // oldest first; of the same moment in order of their ids
	Total      int         // all that are asked for, whatever the page
}

// MostOfPage is the most recordings of one page; a greater limit is taken for it.
const MostOfPage = 100

// Find returns recordings of a connection. Those in quarantine belong to none.
func (s *Service) Find(ctx context.Context, c id.Connection, q Query) (Page, error) {
	q.Offset = max(q.Offset, 0)
	if q.Limit > 0 {
		q.Limit = min(q.Limit, MostOfPage)
	}
	var out Page
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if len(q.IDs) == 0 && len(q.External) == 0 && len(q.Metadata) == 0 && q.Limit > 0 {
			out, err = pageOf(ctx, r, c, q)
		} else {
			out, err = filtered(ctx, r, c, q)
		}
		if err != nil {
			return err
		}
		return withFormats(ctx, r, out.Recordings)
	})
	return out, err
}

// wantedStates are the states of a query as the five that SQL compares with.
func (q Query) wantedStates() (out [5]string) {
	i := 0
	for _, s := range states {
		if q.wantsState(s) {
			out[i] = string(s)
			i++
		}
	}
	return out // "" is the state of none
}

// pageOf has the database count and cut. It joins r.
func pageOf(ctx context.Context, r store.Reader, c id.Connection, q Query) (out Page, err error) {
	if out.Total, err = countOfConnection(ctx, r, c, q.wantedStates()); err != nil {
		return out, err
	}
	out.Recordings, err = ofConnection(ctx, r, c, q.wantedStates(), q.Offset, q.Limit)
	return out, err
}

// filtered reads what may fit and looks at each. It joins r.
func filtered(ctx context.Context, r store.Reader, c id.Connection, q Query) (out Page, err error) {
	var may []Recording
	switch {
	case len(q.IDs) > 0:
		for _, p := range q.IDs {
			some, err := between(ctx, r, c, p, after(p))
			if err != nil {
				return out, err
			}
			may = append(may, some...)
		}
	case len(q.External) > 0:
		for _, e := range q.External {
			some, err := ofExternal(ctx, r, c, e)
			if err != nil {
				return out, err
			}
			may = append(may, some...)
		}
	default:
		if may, err = ofConnection(ctx, r, c, q.wantedStates(), 0, -1); err != nil {
			return out, err
		}
	}
	slices.SortStableFunc(may, func(a, b Recording) int {
		switch {
		case a.StartedMS != b.StartedMS:
			return int(max(-1, min(1, a.StartedMS-b.StartedMS)))
		case a.ID < b.ID:
			return -1
		case a.ID > b.ID:
			return 1
		}
		return 0
	})
	may = slices.CompactFunc(may, func(a, b Recording) bool { return a.ID == b.ID })
	may = slices.DeleteFunc(may, func(v Recording) bool { return !q.fits(v) })
	out.Total = len(may)
	if q.Limit > 0 {
		may = may[min(q.Offset, len(may)):]
		may = may[:min(q.Limit, len(may))]
	}
	out.Recordings = may
	return out, nil
}

// after returns the first text beyond all that begin with p, in order of bytes. p holds no byte 0xFF, as it is valid UTF-8.
func after(p string) string {
	if p == "" {
		return "\uffff"
	}
	b := []byte(p)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0x7f {
			b[i]++
			return string(b[:i+1])
		}
	}
	return "\uffff"
}

// owned returns those of some ids that are a connection's and not deleted, whole ids only. It joins r.
func owned(ctx context.Context, r store.Reader, c id.Connection, ids []ID) ([]Recording, error) {
	var out []Recording
	for i, v := range ids {
		if slices.Contains(ids[:i], v) {
			continue
		}
		rec, ok, err := byID(ctx, r, v)
		if err != nil {
			return nil, err
		}
		if ok && rec.Connection == c && rec.State != Deleted {
			out = append(out, rec)
		}
	}
	return out, nil
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
