//go:build !unix

package hostile

func special() []fault { return nil }
