package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed2010d43f/transformer/model"
	"github.com/seed2010d43f/transformer/model/hf"
	"github.com/seed2010d43f/transformer/model/quantize"
	"github.com/seed2010d43f/transformer/tensor"
	"github.com/seed2010d43f/transformer/tensor/checkpoint"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/gguf"
	"github.com/seed2010d43f/transformer/tensor/checkpoint/safetensors"
	"github.com/seed2010d43f/transformer/tensor/nn"
)

// openFile opens a GGUF file.
func openFile(name string) (*gguf.File, error) {
	return gguf.Open(os.DirFS(filepath.Dir(name)), filepath.Base(name))
}

// fileTypes are the numbers by which GGUF files name their mix of types.
var fileTypes = map[string]uint32{"F32": 0, "F16": 1, "BF16": 32, "Q4_0": 2, "Q8_0": 7, "Q4_K_M": 15, "Q5_K_M": 17, "Q6_K": 18}

// writeGGUF writes a GGUF file in other types: of another, with the same metadata, or of a Hugging Face folder, as llama.cpp's
// converter does.
func writeGGUF(from, to, mix string, choose func(nn.Matrix) tensor.DType, r *report) error {
	meta, stored, err := openAsGGUF(from)
	if err != nil {
		return err
	}
	defer stored.Close()
	src, err := quantize.Source(stored, choose, r.add)
	if err != nil {
		return err
	}
	meta.Set("general.file_type", gguf.Of(fileTypes[mix]))
	meta.Set("general.quantization_version", gguf.Of(uint32(2)))
	return create(to, func(w io.Writer) error { return gguf.Write(w, meta, src) })
}

// openAsGGUF returns the metadata and the tensors of a GGUF file, or of the one that a folder becomes.
func openAsGGUF(name string) (*gguf.Metadata, checkpoint.Source, error) {
	if !isGGUF(name) {
		return model.ConvertGGUF(os.DirFS(name), filepath.Base(filepath.Clean(name)), model.Options{})
	}
	f, err := openFile(name)
	if err != nil {
		return nil, nil, err
	}
	return f.Metadata().Clone(), f, nil
}

// create writes a new file, and removes it again where that fails.
func create(name string, write func(io.Writer) error) error {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(file, 1<<20)
	err = errors.Join(write(w), w.Flush(), file.Close())
	if err != nil {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// writeFolder writes a folder whose linear layers are in the form of compressed-tensors: 4 or 8 bits, 32 weights of an
// output with one scale. That holds the values of Q4_0 and Q8_0 exactly.
func writeFolder(from, to, mix string, choose func(nn.Matrix) tensor.DType, r *report) error {
	bits := map[string]int{"Q4_0": 4, "Q8_0": 8}[mix]
	if bits == 0 {
		return fmt.Errorf("-o: a folder is written as Q4_0 or Q8_0, which its form has; %s is for GGUF files", mix)
	}
	fsys := os.DirFS(from)
	src, err := hf.OpenWeights(fsys)
	if err != nil {
		return err
	}
	defer src.Close()
	want, _ := tensor.DTypeOf(mix)
	blocks, err := quantize.Source(src, func(m nn.Matrix) tensor.DType {
		if dt := choose(m); m.Use == nn.Products && dt == want && isLinear(src, m.Name) {
			return dt
		}
		return m.DType
	}, r.add)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	packed, ignored, err := pack(blocks, want)
	if err != nil {
		return err
	}
	if err := writeConfig(fsys, to, bits, ignored); err != nil {
		return err
	}
	return create(filepath.Join(to, "model.safetensors"), func(w io.Writer) error {
		return safetensors.Write(w, packed, map[string]string{"format": "pt"})
	})
}

// isLinear reports whether a tensor is the weight of a linear layer.
func isLinear(src checkpoint.Source, name string) bool {
	info, _ := src.Lookup(name)
	return len(info.Shape) == 2 && strings.HasSuffix(name, ".weight")
}

// pack returns the tensors of src with blocks taken apart: codes in words of 32 bits, scales and the shape. ignored are
// the matrices of layers that stay as they are.
func pack(src checkpoint.Source, blocks tensor.DType) (packed checkpoint.Source, ignored []string, err error) {
	var entries []checkpoint.Entry
	for name := range src.Names() {
		info, _ := src.Lookup(name)
		b, err := src.Bytes(name)
		if err != nil {
			return nil, nil, err
		}
		module, isWeight := strings.CutSuffix(name, ".weight")
		if string(info.DType) != blocks.String() {
			entries = append(entries, checkpoint.Entry{Name: name, DType: info.DType, Shape: info.Shape, Data: b})
			if isWeight && len(info.Shape) == 2 {
				ignored = append(ignored, module)
			}
			continue
		}
		out, in := info.Shape[0], info.Shape[1]
		codes, scales := takeApart(b, blocks)
		shape := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(out)), uint64(in))
		entries = append(entries,
			checkpoint.Entry{Name: module + ".weight_packed", DType: "I32", Shape: []int{out, len(codes) / 4 / out}, Data: codes},
			checkpoint.Entry{Name: module + ".weight_scale", DType: checkpoint.F16, Shape: []int{out, in / 32}, Data: scales},
			checkpoint.Entry{Name: module + ".weight_shape", DType: "I64", Shape: []int{2}, Data: shape})
	}
	packed, err = checkpoint.Memory(entries...)
	return packed, ignored, err
}

// takeApart returns the codes of blocks in their order, each plus 8 or 128, the first in the lowest bits, and the scales.
func takeApart(b []byte, dt tensor.DType) (codes, scales []byte) {
	_, size := dt.Block()
	for ; len(b) > 0; b = b[size:] {
		scales = append(scales, b[:2]...)
		block := b[2:size]
		if dt == tensor.Q8_0 {
			for _, c := range block {
				codes = append(codes, c^0x80)
			}
			continue
		}
		for i := 0; i < 16; i += 2 { // the lower nibbles are the first 16 elements
			codes = append(codes, block[i]&15|block[i+1]&15<<4)
		}
		for i := 0; i < 16; i += 2 {
			codes = append(codes, block[i]>>4|block[i+1]&0xF0)
		}
	}
	return codes, scales
}

// writeConfig writes config.json with what the form needs, and copies all other files but weights.
func writeConfig(fsys fs.FS, to string, bits int, ignored []string) error {
	data, err := fs.ReadFile(fsys, "config.json")
	if err != nil {
		return err
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("config.json: %w", err)
	}
	type weights struct {
		Bits      int    `json:"num_bits"`
		Type      string `json:"type"`
		Symmetric bool   `json:"symmetric"`
		Strategy  string `json:"strategy"`
		Group     int    `json:"group_size"`
	}
	type group struct {
		Targets []string `json:"targets"`
		Weights weights  `json:"weights"`
	}
	quantization := struct {
		Method string           `json:"quant_method"`
		Format string           `json:"format"`
		Groups map[string]group `json:"config_groups"`
		Ignore []string         `json:"ignore"`
		Status string           `json:"quantization_status"`
	}{"compressed-tensors", "pack-quantized", map[string]group{"group_0": {[]string{"Linear"}, weights{bits, "int", true, "group", 32}}}, ignored, "compressed"}
	if config["quantization_config"], err = json.Marshal(quantization); err != nil {
		return err
	}
	if data, err = json.MarshalIndent(config, "", "  "); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, "config.json"), data, 0o644); err != nil {
		return err
	}
	return copyFiles(fsys, to)
}

// copyFiles copies the files of a folder that are neither weights nor config.json.
func copyFiles(fsys fs.FS, to string) error {
	files, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return err
	}
	for _, f := range files {
		name := f.Name()
		switch filepath.Ext(name) {
		case ".json", ".txt", ".model", ".jinja", ".tiktoken", ".md":
		default:
			continue
		}
		if name == "config.json" || strings.HasSuffix(name, ".index.json") || !f.Type().IsRegular() {
			continue
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}
