package main

import (
	"testing"

	"github.com/seed2010d43f/transformer/internal/tensortest"
)

func TestGenerated(t *testing.T) { tensortest.Generated(t, "..", generate) }
