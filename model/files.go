package model

import (
	"errors"
	"sync"

	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// files are what a model reads in place when it computes. nil is none.
type files struct {
	src checkpoint.InPlace
	own bool // the model's to close

	mu    sync.Mutex
	ended bool
}

// keep returns the weights of the folder if the model reads them in place, for it to close.
func (f *folder) keep() *files {
	src, ok := f.src.(checkpoint.InPlace)
	if !ok || !f.inPlace {
		return nil
	}
	f.kept = true
	return &files{src: src, own: f.own}
}

func (f *files) close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return nil
	}
	f.ended = true
	if !f.own {
		return nil
	}
	return f.src.Close()
}

// closed returns an error once the model is closed.
func (f *files) closed() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return &checkpoint.Error{Kind: checkpoint.ErrClosed, Detail: "the model, whose experts are mapped, was closed"}
	}
	return nil
}

// result returns the error of a pass that recovered v and returned err. A panic that has nothing to do with files goes on.
func (f *files) result(v any, err error) error {
	if v != nil {
		if err := readError(v); err != nil {
			return err
		}
		panic(v)
	}
	if err != nil {
		return err
	}
	if err := f.closed(); err != nil {
		return err
	}
	err = f.src.Check()
	if closed := f.closed(); err != nil && closed != nil {
		return closed // meanwhile
	}
	return err
}

// readError returns the error of a panic about a file that cannot be read, or nil for another.
func readError(v any) error {
	var unread *tensor.ReadError
	if e, ok := v.(error); !ok || !errors.As(e, &unread) {
		return nil
	}
	kind := checkpoint.ErrReadFile
	if unread.Closed {
		kind = checkpoint.ErrClosed
	}
	return &checkpoint.Error{File: unread.File, Kind: kind, Cause: unread}
}
