// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"encoding/csv"
	"io"
	"strings"
)

// writeCSV writes rows so that no spreadsheet takes a cell for a formula: one that begins with =, +, -, @ or a
// tab gets an apostrophe in front (OWASP, CSV Injection).
func writeCSV(w io.Writer, rows [][]string) error {
	out := csv.NewWriter(w)
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				cell = "'" + cell
			}
			safe[i] = cell
		}
		if err := out.Write(safe); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
