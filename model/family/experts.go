package family

import "github.com/seed2010d43f/transformer/model/hf"

// checkActive notes if a token cannot use as many experts as num_experts_per_tok says.
func checkActive(c *hf.Config, active, experts int) {
	if active > experts {
		c.Fail("num_experts_per_tok is %d; there are %d experts", active, experts)
	}
}
