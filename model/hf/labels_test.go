package hf

import (
	"slices"
	"strings"
	"testing"
)

// Labels are those that BertConfig of transformers 5.24 has for the same keys, but for the gaps.
func TestLabels(t *testing.T) {
	for config, want := range map[string]string{
		`{}`:                                                    "LABEL_0 LABEL_1",
		`{"num_labels":3}`:                                      "LABEL_0 LABEL_1 LABEL_2",
		`{"id2label":null,"num_labels":1}`:                      "LABEL_0",
		`{"id2label":{"0":"a","1":"b"}}`:                        "a b",
		`{"id2label":{"1":"b","0":"a"}}`:                        "a b",
		`{"id2label":{"0":"a"},"num_labels":1}`:                 "a",
		`{"id2label":{},"num_labels":3}`:                        "LABEL_0 LABEL_1 LABEL_2",
		`{"label2id":{"a":0,"b":1,"c":2}}`:                      "LABEL_0 LABEL_1",
		`{"id2label":{"0":0,"1":1.5,"2":true}}`:                 "0 1.5 true",
		`{"id2label":{"0":"a","2":"c"}}`:                        "a LABEL_1",
		`{"id2label":{"1":"b","2":"c"}}`:                        "LABEL_0 b",
		`{"id2label":{"-1":"a","0":"b"}}`:                       "b LABEL_1",
		`{"id2label":{"0":null," 1 ":"b"}}`:                     "LABEL_0 b",
		`{"id2label":{"01":"b"}}`:                               "LABEL_0",
		`{"id2label":{"0":"a"},"num_labels":2}`:                 "LABEL_0 LABEL_1",
		`{"id2label":{"0":"a","1":"b","2":"c"},"num_labels":2}`: "LABEL_0 LABEL_1",
	} {
		c, err := ParseConfig("config.json", []byte(config))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Labels(); !slices.Equal(got, strings.Fields(want)) || c.NumLabels() != len(got) {
			t.Errorf("%s: %q, %d labels, want %s", config, got, c.NumLabels(), want)
		}
		if c.Err() != nil {
			t.Errorf("%s: %v", config, c.Err())
		}
	}
	c, err := ParseConfig("config.json", []byte(`{"id2label":{"0":"","1":"b"}}`))
	if err != nil || !slices.Equal(c.Labels(), []string{"", "b"}) {
		t.Errorf("an empty name: %q, %v", c.Labels(), err)
	}
	for config, want := range map[string]string{
		`{"id2label":{"x":"a"}}`:     `"x"`,
		`{"id2label":["a","b"]}`:     "an object of labels",
		`{"id2label":{"0":["a"]}}`:   "label 0",
		`{"id2label":{"0":{"a":1}}}`: "label 0",
		`{"id2label":{"0.5":"a"}}`:   `"0.5"`,
		`{"num_labels":0}`:           "num_labels",
		`{"id2label":{"0":"` + strings.Repeat("x", maxName+1) + `"}}`: "bytes",
	} {
		c, err := ParseConfig("config.json", []byte(config))
		if err != nil {
			t.Fatal(err)
		}
		c.Labels()
		if err := c.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v", config, err)
		}
	}
}
