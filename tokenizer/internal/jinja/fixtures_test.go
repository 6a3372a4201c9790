package jinja

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Published templates render what the reference renders, character for character, and fail where it fails.
func TestPublished(t *testing.T) {
	folder := os.Getenv("TRANSFORMER_FIXTURES")
	if folder == "" {
		t.Skip("TRANSFORMER_FIXTURES is not set: it names a folder with published chat templates")
	}
	files, err := filepath.Glob(filepath.Join(folder, "chat", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no templates: %v", err)
	}
	texts, fails := 0, 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var f struct {
				Template string
				Cases    []struct {
					Name, Now, Text, Error string
					Variables              json.RawMessage
				}
			}
			if err := json.Unmarshal(raw, &f); err != nil {
				t.Fatal(err)
			}
			template, err := Parse(f.Template, Limits{})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range f.Cases {
				v, err := FromJSON(c.Variables)
				if err != nil {
					t.Fatal(err)
				}
				now, err := time.Parse("2006-01-02T15:04:05", c.Now)
				if err != nil {
					t.Fatal(err)
				}
				got, err := template.Render(Context{Variables: v.(*Dict), Now: func() time.Time { return now }})
				if c.Error != "" {
					fails++
					var e *Error
					if !errors.As(err, &e) || e.Kind+": "+e.Message != c.Error {
						t.Errorf("%s: error %v, want %s", c.Name, err, c.Error)
					}
					continue
				}
				texts++
				if err != nil || got != c.Text {
					t.Errorf("%s: %v\n%q\nwant\n%q", c.Name, err, got, c.Text)
				}
			}
		})
	}
	t.Logf("%d texts and %d errors", texts, fails)
}
