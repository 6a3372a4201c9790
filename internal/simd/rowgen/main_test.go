package main

import (
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func TestFilesAreCurrent(t *testing.T) {
	for name, dir := range map[string]string{"vec": "../vec", "half": "../../half"} {
		t.Run(name, func(t *testing.T) {
			tensortest.Generated(t, dir, func(fresh string) error { return generate(name, fresh) })
		})
	}
}
