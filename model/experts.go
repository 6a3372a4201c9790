package model

import (
	"fmt"

	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/moe"
)

// setActive sets the number of experts that each token uses, as the options say.
func (o *Options) setActive(t *arch.Trunk) error {
	if o.ActiveExperts == 0 {
		return nil
	}
	found := false
	for i, b := range t.Blocks {
		for _, op := range b.Ops() {
			for l := range moe.Layers(op) {
				router, ok := l.Router.(*moe.TopK)
				if !ok {
					return fmt.Errorf("model: Options.ActiveExperts: the router of layer %d, a %T, always chooses as many experts", i, l.Router)
				}
				router.Active, found = o.ActiveExperts, true
				if err := router.Check(); err != nil {
					return fmt.Errorf("model: Options.ActiveExperts is %d: layer %d: %w", o.ActiveExperts, i, err)
				}
			}
		}
	}
	if !found {
		return fmt.Errorf("model: Options.ActiveExperts is %d; this model has no experts", o.ActiveExperts)
	}
	return nil
}
