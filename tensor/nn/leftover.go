package nn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Ignore accepts unread tensors for which match returns true as leftovers, such as the buffers in old
// checkpoints. match is called for every tensor that was not asked for so far.
func (l Loader) Ignore(match func(name string) bool) {
	for name := range l.src.Names() {
		if !l.asked[name] && match(strings.TrimPrefix(name, l.outer)) {
			l.skip(name)
		}
	}
}

func (l Loader) skip(name string) {
	l.asked[name] = true
	l.read(name)
	if l.opt.Skipped != nil {
		l.opt.Skipped(name)
	}
}

// counters are the last parts of names: buffers of integers that no answer depends on.
var counters = []string{"position_ids", "token_type_ids", "num_batches_tracked", "n_averaged"}

// losses are parts of names: what a training loss keeps.
var losses = []string{"class_weight", "class_weights", "label_weights", "loss", "loss_fct", "loss_fn", "loss_function", "loss_weight",
	"loss_weights", "criterion", "pos_weight"}

// IsSideTensor reports whether a tensor, by its name, is one that training has left beside the weights, and that no answer
// depends on: a counter (position_ids, token_type_ids, num_batches_tracked, n_averaged), or weights of classes in a loss
// (a part of the name is class_weight, class_weights, label_weights, loss, loss_fct, loss_fn, loss_function, loss_weight,
// loss_weights, criterion or pos_weight, or ends with _loss).
func IsSideTensor(name string) bool {
	parts := strings.Split(name, ".")
	ofLoss := func(part string) bool { return slices.Contains(losses, part) || strings.HasSuffix(part, "_loss") }
	return slices.Contains(counters, parts[len(parts)-1]) || slices.ContainsFunc(parts, ofLoss)
}

// beside reports whether a tensor, by its full name, is left out where the model has no place for it.
func (l Loader) beside(name string) bool {
	return IsSideTensor(name) || l.opt.Skip != nil && l.opt.Skip(name)
}

const maxErrors = 20 // shown; a wrong config makes every weight wrong

// Err returns all errors so far, joined, or nil. If all is true it also reports tensors of the checkpoint
// that were not asked for and are not left out (see [Options]): a model without them would compute something
// else.
func (l Loader) Err(all bool) error {
	errs, n := l.errs, len(l.errs)
	if all && n == 0 {
		for name := range l.src.Names() {
			switch {
			case l.asked[name]:
				continue
			case l.isTied(name) || l.beside(name):
				l.skip(name)
				continue
			}
			if n++; n <= maxErrors {
				errs = append(errs, fmt.Errorf("nn: the model has no place for the checkpoint's tensor %.500q", name))
			}
		}
	}
	if n > maxErrors {
		errs = append(errs[:maxErrors:maxErrors], fmt.Errorf("nn: and %d more", n-maxErrors))
	}
	return errors.Join(errs...)
}
