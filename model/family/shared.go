package family

import (
	"github.com/seed2010d43f/transformer/attention"
	"github.com/seed2010d43f/transformer/block"
	"github.com/seed2010d43f/transformer/model/arch"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// parts returns layers of the same width.
func parts(out int, names ...string) []nn.Part {
	all := make([]nn.Part, len(names))
	for i, name := range names {
		all[i] = nn.Part{Name: name, Out: out}
	}
	return all
}

// linear returns the layer name with its bias.
func linear(w nn.Loader, name string, in, out int) *nn.Linear {
	l := w.Linear(name, in, out, true)
	return &l
}

// wholeHeads returns the width of each of some heads that share dim evenly.
func wholeHeads(c *hf.Config, dim, heads int) int {
	if dim%heads != 0 {
		c.Fail("%d attention heads cannot share a width of %d evenly", heads, dim)
	}
	return max(1, dim/heads)
}

// mlp returns the feed-forward network down(act(up(x))).
func mlp(w nn.Loader, up, down string, dim, inner int, bias bool, act nn.Activation) *block.MLP {
	return &block.MLP{Up: w.Linear(up, dim, inner, bias), Act: act, Down: w.Linear(down, inner, dim, bias)}
}

// glu returns the gated feed-forward network with the layers gate_proj, up_proj and down_proj of f.
func glu(f nn.Loader, dim, inner int, bias bool, act nn.Activation) *block.GLU {
	return &block.GLU{
		GateUp: f.Fused(dim, bias, parts(inner, "gate_proj", "up_proj")...),
		Act:    act,
		Down:   f.Linear("down_proj", inner, dim, bias),
	}
}

// sideBySide returns a layer of operations that read the same norm and are added to the stream together.
func sideBySide(pre nn.Norm, ops ...attention.Op) block.Block {
	p := &block.Parallel{}
	for _, op := range ops {
		p.Branches = append(p.Branches, block.Branch{Op: op})
	}
	return block.Block{{Pre: pre, Op: p}}
}

// groupedQKV returns a projection that is stored in groups: query heads, then a key head, then a value head.
// The result has all queries, then all keys, then all values.
func groupedQKV(w nn.Loader, name string, groups, queries, headDim, dim int, bias bool) nn.Linear {
	var rows [][2]int
	for _, part := range [][2]int{{0, queries}, {queries, 1}, {queries + 1, 1}} {
		for g := range groups {
			rows = append(rows, [2]int{(g*(queries+2) + part[0]) * headDim, part[1] * headDim})
		}
	}
	return w.LinearRows(name, dim, groups*(queries+2)*headDim, bias, rows)
}

// table returns the table name for lookups.
func table(w nn.Loader, name string, rows, dim int) *nn.Embedding {
	t := w.Table(name, rows, dim)
	return &t
}

// then returns the head h with the output layer out.
func then(h *arch.Head, out *nn.Linear) *arch.Head {
	h.Out = out
	return h
}

// t5Buckets returns [attention.Bucket] for all distances.
func t5Buckets(n, most int, bidirectional bool) attention.Buckets {
	return attention.NewBuckets(-most, most, func(d int) int { return attention.Bucket(d, n, most, bidirectional) })
}

// bucketBias returns a bias by distance from a table of biases by bucket, [buckets, H].
func bucketBias(table *tensor.Weight, b attention.Buckets) attention.RelativeBias {
	n := len(b.Of)
	r := attention.RelativeBias{Heads: table.In, Starts: b.Starts, Table: make([]float32, table.In*n)}
	row := make([]float32, table.In)
	for i, bucket := range b.Of {
		table.Row(row, bucket)
		for h, v := range row {
			r.Table[h*n+i] = v
		}
	}
	return r
}
