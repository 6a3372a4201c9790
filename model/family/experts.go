package family

import (
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/moe"
)

// checkActive notes if a token cannot use as many experts as num_experts_per_tok says.
func checkActive(c *hf.Config, active, experts int) {
	if active > experts {
		c.Fail("num_experts_per_tok is %d; there are %d experts", active, experts)
	}
}

// groups returns the groups of experts that a token chooses from, n_group and topk_group of the config.
func groups(c *hf.Config, n, keep, active, experts int, score moe.GroupScore) moe.Groups {
	switch {
	case experts%n != 0:
		c.Fail("n_group is %d, which does not divide %d experts evenly", n, experts)
	case keep > n:
		c.Fail("topk_group is %d; n_group is %d", keep, n)
	case active > keep*(experts/n):
		c.Fail("num_experts_per_tok is %d; topk_group %d leaves a choice of %d", active, keep, keep*(experts/n))
	case score == moe.TopTwo && experts/n < 2:
		c.Fail("n_group is %d: groups of one expert have no two best", n)
	}
	return moe.Groups{N: n, Keep: keep, Score: score}
}
