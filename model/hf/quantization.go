package hf

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/seed2010d43f/transformer/internal/sidefile"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
)

// quantizer shows quantised weights as what they stand for.
type quantizer interface {
	Dequantize(src checkpoint.Source) (checkpoint.Source, error)
}

// quantMethods are the values of quant_method that Dequantize knows.
var quantMethods = [...]string{"fp8", "mxfp4", "gptq", "awq", "compressed-tensors"}

// quantizer reads a quantization_config. It returns nil for another quant_method, and after an error in the config,
// which it notes.
func (c *Config) quantizer(src checkpoint.Source) quantizer {
	switch c.quantMethod() {
	case "fp8":
		return c.fp8(src)
	case "mxfp4":
		return mxfp4{}
	case "gptq":
		return c.gptq()
	case "awq":
		return c.awq()
	case "compressed-tensors":
		return c.compressed()
	}
	return nil
}

type mxfp4 struct{}

func (mxfp4) Dequantize(src checkpoint.Source) (checkpoint.Source, error) {
	return checkpoint.JoinMXFP4(src)
}

// quantFiles are what says how weights are quantised where config.json does not: the files of AutoGPTQ and AutoAWQ.
var quantFiles = [...]struct{ name, method string }{{"quantize_config.json", "gptq"}, {"quant_config.json", "awq"}}

// WithQuantization returns the config with the object quantization_config from quantize_config.json, or
// quant_config.json, if it has none and the folder has such a file. These are how AutoGPTQ and AutoAWQ say what they
// have done.
func (c *Config) WithQuantization(fsys fs.FS) (*Config, error) {
	if c.quantization() != nil {
		return c, nil
	}
	for _, file := range quantFiles {
		if !sidefile.Exists(fsys, file.name) {
			continue
		}
		data, err := sidefile.Read(fsys, file.name, sidefile.MaxConfig)
		if err != nil {
			return nil, fmt.Errorf("model: %w", err)
		}
		q, err := ParseConfig(file.name, data)
		if err != nil {
			return nil, err
		}
		q.errs, q.keepActivations, q.keepBits = c.errs, c.keepActivations, c.keepBits
		if !q.Has("quant_method") {
			q = q.With("quant_method", `"`+file.method+`"`)
		}
		o := *c
		o.quant = q
		return &o, nil
	}
	return c, nil
}

// quantization returns the object quantization_config, of the model or of the text model within it, or nil.
func (c *Config) quantization() *Config {
	q := c.quant // of another file
	const key = "quantization_config"
	if c.Has(key) {
		q = c.Object(key)
	} else if raw := c.Raw("text_config"); len(raw) > 0 && raw[0] == '{' {
		if text := c.Object("text_config"); text.Has(key) {
			q = text.Object(key)
		}
	}
	return q
}

// quantMethod returns the method of a quantization_config. Old configs of bitsandbytes do not name it.
func (c *Config) quantMethod() string {
	otherwise := "unknown"
	if c.Has("load_in_8bit") || c.Has("load_in_4bit") {
		otherwise = "bitsandbytes"
	}
	return c.String("quant_method", otherwise)
}

// WithFloatActivations returns the config with a wish: static scales of activations, and of keys and values, are not
// applied. [Config.Dequantize] refuses them otherwise.
func (c *Config) WithFloatActivations() *Config {
	o := *c
	o.keepActivations = true
	if c.quant != nil {
		o.quant = c.quant.WithFloatActivations()
	}
	return &o
}

// WithBits returns the config with a wish: [Config.Dequantize] shows matrices as Q4_0 and Q8_0 where these hold their
// values. See [checkpoint.Compressed].
func (c *Config) WithBits() *Config {
	o := *c
	o.keepBits = true
	if c.quant != nil {
		o.quant = c.quant.WithBits()
	}
	return &o
}

// CheckQuantization returns an error that names the quant_method of quantization_config if [Config.Dequantize] does
// not know it.
func (c *Config) CheckQuantization() error {
	q := c.quantization()
	if q == nil {
		return nil
	}
	method := q.quantMethod()
	if slices.Contains(quantMethods[:], method) {
		return nil
	}
	instead := "use the unquantised checkpoint, which Options.Convert quantises while it is opened"
	switch method {
	case "auto-round", "intel/auto-round":
		instead += "; or export the weights in the format auto_gptq or auto_awq"
	case "fbgemm_fp8", "modelopt":
		instead += "; or one of compressed-tensors in the format float-quantized"
	}
	return fmt.Errorf("model: %s: the weights are quantised by %.200q, which is not supported; %s", q.Path(), method, instead)
}

// packedParts are what a module has whose weights lie in words of several codes.
var packedParts = [...]string{".qweight", ".weight_packed"}

// CheckStored returns an error if src has weights in few bits, by their names, and there is no quantization_config.
func (c *Config) CheckStored(src checkpoint.Source) error {
	if c.quantization() != nil {
		return nil
	}
	for name := range src.Names() {
		if slices.ContainsFunc(packedParts[:], func(part string) bool { return strings.HasSuffix(name, part) }) {
			return fmt.Errorf("model: %s: %.500q is stored in few bits, and there is no quantization_config that says how, here or in %s or %s",
				c.Path(), name, quantFiles[0].name, quantFiles[1].name)
		}
	}
	return nil
}

// IsEmptyBias reports whether a tensor of src is a bias of zeros beside weights of GPTQ. Old versions of AutoGPTQ write
// one for each layer, whether or not the model has biases.
func (c *Config) IsEmptyBias(src checkpoint.Source, name string) bool {
	q := c.quantization()
	if q == nil || q.quantMethod() != "gptq" || !strings.HasSuffix(name, ".bias") {
		return false
	}
	b, err := src.Bytes(name)
	return err == nil && bytes.Trim(b, "\x00") == nil
}

// Dequantize shows quantised weights as what they stand for, as quantization_config says, or that of text_config or
// [Config.WithQuantization]:
//
//   - fp8: F8_E4M3 with scales for blocks of weight_block_size, or for whole matrices or their rows where that is null,
//     become F32. See [checkpoint.FP8]. A module in modules_to_not_convert, given by its name, the beginning or the end of
//     it, may have F8_E4M3 without scales. Activations stay as they are, in the static activation_scheme, too: so it is in
//     the reference on a CPU.
//   - mxfp4: blocks and scales become tensors of type [checkpoint.MXFP4]. See [checkpoint.JoinMXFP4].
//   - gptq, of 4 and 8 bits, in the formats gptq and gptq_v2, becomes F32. See [checkpoint.GPTQ].
//   - awq, in the version gemm, becomes F32. See [checkpoint.AWQ].
//   - compressed-tensors, in the formats pack-quantized (4 and 8 bits), int-quantized, float-quantized and
//     naive-quantized, becomes F32. See [checkpoint.Compressed]. A module of the list ignore must not be stored in few
//     bits; a module that is not on it may be stored in full. Activations stay as they are where their scales are dynamic.
//     Static scales of activations, and scales of keys and values, are an error; see [Config.WithFloatActivations].
//
// Without that key it returns src, and likewise after an error in the config, which it notes, and for what
// [Config.CheckQuantization] refuses. The returned Source uses src, and closes it.
func (c *Config) Dequantize(src checkpoint.Source) (checkpoint.Source, error) {
	q := c.quantization()
	if q == nil {
		return src, nil
	}
	q.conv1D = c.ModelType() == "gpt2"
	if quantizer := q.quantizer(src); quantizer != nil {
		return quantizer.Dequantize(src)
	}
	return src, nil
}
