package main

import (
	"bytes"
	"fmt"
	"strings"
)

// choices returns, for amd64 and for other processors, the Go functions that call the kernels: each takes the best
// that the instruction sets in use allow.
func (p parts) choices() (amd64, other string) {
	var a, o bytes.Buffer
	for _, k := range p.kernels {
		choose(&a, &o, k, "")
	}
	for _, r := range p.reductions {
		choose(&a, &o, kernel{name: r.name, rows: r.rows, scalars: r.scalars}, "float32")
	}
	if p.reductions != nil {
		choose(&a, &o, kernel{name: "index", rows: []row{x}, scalars: []string{"v"}}, "int")
	}
	return a.String(), o.String()
}

// parameters returns the parameters of an assembly function. Scalars are passed as pointers, and so is the result,
// if there is one.
func parameters(rows []row, scalars []string, result string) []string {
	var s []string
	for _, r := range rows {
		s = append(s, r.name+" *"+r.element())
	}
	s = append(s, "n int")
	for _, name := range scalars {
		s = append(s, name+" *float32")
	}
	if result != "" {
		s = append(s, "result *"+result)
	}
	return s
}

func (r row) element() string {
	if r.half != "" {
		return "uint16"
	}
	return "float32"
}

// choose writes the function of one kernel.
func choose(amd64, other *bytes.Buffer, k kernel, result string) {
	var params, args, pointers, refs []string
	for _, r := range k.rows {
		params = append(params, r.name+" []"+r.element())
		args = append(args, r.name)
		pointers = append(pointers, fmt.Sprintf("&%s[0]", r.name))
	}
	for _, s := range k.scalars {
		params = append(params, s+" float32")
		args = append(args, s)
		refs = append(refs, "&"+s)
	}
	portable := k.portable
	if portable == "" {
		portable = fmt.Sprintf("%sPortable(%s)", k.name, strings.Join(args, ", "))
	}
	signature := fmt.Sprintf("%s(%s)", k.name, strings.Join(params, ", "))
	length := fmt.Sprintf("len(%s)", k.rows[0].name)
	call := func(set, n string) string {
		return fmt.Sprintf("%s%s(%s)", k.name, set, strings.Join(append(append(pointers[:len(pointers):len(pointers)], n), refs...), ", "))
	}
	if result != "" {
		refs = append(refs, "&result")
		fmt.Fprintf(other, "\nfunc %s %s { return %s }\n", signature, result, portable)
		signature += " (result " + result + ")"
		portable = "return " + portable
	} else {
		fmt.Fprintf(other, "\nfunc %s { %s }\n", signature, portable)
	}
	fmt.Fprintf(amd64, "\nfunc %s {\nswitch set := simd.Active(); {\ncase set.Has(simd.AVX512):\n%s\ncase set.Has(simd.AVX2):\n", signature, call("AVX512", length))
	if k.wholeY {
		var rest []string
		for _, a := range args {
			rest = append(rest, a+"[n:]")
		}
		fmt.Fprintf(amd64, "n := %s &^ 7\nif n > 0 {\n%s\n}\n%sPortable(%s)\n", length, call("AVX2", "n"), k.name, strings.Join(rest, ", "))
	} else {
		fmt.Fprintf(amd64, "%s\n", call("AVX2", length))
	}
	fmt.Fprintf(amd64, "default:\n%s\n}\n", portable)
	if result != "" {
		amd64.WriteString("return result\n")
	}
	amd64.WriteString("}\n")
}
