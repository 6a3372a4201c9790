package hf

import (
	"encoding/json"
	"strconv"
	"strings"
)

// NumLabels returns the number of labels of a classifier, as transformers 5.24 counts them: num_labels, or else the
// entries of id2label, or else 2.
func (c *Config) NumLabels() int {
	n := len(c.id2label())
	if n == 0 {
		n = 2
	}
	return c.Int("num_labels", n, 1, MaxVocab)
}

// Labels returns the name of each label. Those that id2label does not name are LABEL_0, LABEL_1, …, and so are all if
// it has more or fewer than num_labels, as in the reference. A number is a name as it is written. (The reference refuses
// an id that is not named once a text belongs to it.)
func (c *Config) Labels() []string {
	names := c.id2label()
	labels := make([]string, c.NumLabels())
	for i := range labels {
		labels[i] = "LABEL_" + strconv.Itoa(i)
		if name := names[i]; name != nil && len(names) == len(labels) {
			labels[i] = *name
		}
	}
	return labels
}

// id2label returns the names by id, which are nil where the file has null.
func (c *Config) id2label() map[int]*string {
	var raw map[string]json.RawMessage
	c.decode("id2label", &raw, "an object of labels")
	names := make(map[int]*string, len(raw))
	for key, value := range raw {
		id, err := strconv.Atoi(strings.TrimSpace(key))
		if err != nil {
			c.Fail("id2label names a label %.60q; the id of a label is a whole number", key)
			continue
		}
		names[id] = nil
		switch name := string(value); value[0] {
		case 'n': // null
		case '"':
			if json.Unmarshal(value, &name) != nil || len(name) > maxName {
				c.Fail("id2label: label %d has a name of %d bytes; at most %d are read", id, len(name), maxName)
			}
			names[id] = &name
		case '{', '[':
			c.Fail("id2label: label %d is %s; a name is needed", id, clip(value))
		default:
			names[id] = &name
		}
	}
	return names
}
