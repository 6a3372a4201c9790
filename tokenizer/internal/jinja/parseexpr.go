package jinja

import (
	"math"
	"strconv"
	"strings"
)

// tupleOf says how an expression that may be a tuple without parentheses is read.
type tupleOf struct {
	noCondition bool   // "a if b" is not read
	end         string // a name that ends it
	parentheses bool   // it stands in parentheses, and may be empty
}

func (p *parser) tuple(as tupleOf) expr {
	var items []expr
	tuple := false
	for {
		if k := p.peek().kind; k == variableEnd || k == blockEnd || p.isOp(")") || as.end != "" && p.isName(as.end) {
			break
		}
		if as.noCondition {
			items = append(items, p.or())
		} else {
			items = append(items, p.expression())
		}
		if !p.takeOp(",") {
			break
		}
		tuple = true
	}
	switch {
	case !tuple && len(items) == 1:
		return items[0]
	case len(items) == 0 && !as.parentheses:
		p.fail(p.peek().line, "Expected an expression, got '%s'", p.peek().describe())
	}
	return &seqExpr{tupleKind, items}
}

// expression reads a whole expression.
func (p *parser) expression() expr {
	defer p.enter()()
	known := len(p.unknown)
	x := p.or()
	for p.takeName("if") {
		p.unknown = p.unknown[:known]
		p.soft++
		c := &condExpr{test: p.or(), then: x}
		if p.takeName("else") {
			c.else_ = p.expression()
		}
		p.soft--
		x = c
	}
	return x
}

func (p *parser) or() expr {
	x := p.and()
	for p.takeName("or") {
		x = &orExpr{x, p.and()}
	}
	return x
}

func (p *parser) and() expr {
	x := p.not()
	for p.takeName("and") {
		x = &andExpr{x, p.not()}
	}
	return x
}

func (p *parser) not() expr {
	if p.takeName("not") {
		defer p.enter()()
		return &notExpr{p.not()}
	}
	return p.compare()
}

func (p *parser) compare() expr {
	c := &compareExpr{first: p.sum(), line: p.peek().line}
	for {
		t := p.peek()
		op := ""
		switch {
		case t.kind == operator:
			switch t.text {
			case "==", "!=", "<", "<=", ">", ">=":
				op = t.text
				p.next()
			}
		case p.takeName("in"):
			op = "in"
		case p.isName("not") && p.look().kind == name && p.look().text == "in":
			p.next()
			p.next()
			op = "not in"
		}
		if op == "" {
			break
		}
		c.ops, c.rest = append(c.ops, op), append(c.rest, p.sum())
	}
	if c.ops == nil {
		return c.first
	}
	return c
}

// binary reads operands with any of the operators between them, the left ones first.
func (p *parser) binary(operand func() expr, ops ...string) expr {
	x := operand()
	for {
		t := p.peek()
		found := false
		for _, op := range ops {
			found = found || t.kind == operator && t.text == op
		}
		if !found {
			return x
		}
		p.next()
		x = &binaryExpr{t.text, x, operand(), t.line}
	}
}

func (p *parser) sum() expr { return p.binary(p.concat, "+", "-") }

func (p *parser) concat() expr {
	x := p.product()
	if !p.isOp("~") {
		return x
	}
	parts := []expr{x}
	for p.takeOp("~") {
		parts = append(parts, p.product())
	}
	return &concatExpr{parts}
}

func (p *parser) product() expr { return p.binary(p.power, "*", "/", "//", "%") }

func (p *parser) power() expr { return p.binary(func() expr { return p.unary(true) }, "**") }

func (p *parser) unary(filters bool) expr {
	var x expr
	if p.isOp("-") || p.isOp("+") {
		defer p.enter()()
		op := p.next().text
		x = &negExpr{op, p.unary(false)}
	} else {
		x = p.primary()
	}
	x = p.postfix(x)
	if filters {
		x = p.filtered(x)
	}
	return x
}

func (p *parser) primary() expr {
	t := p.peek()
	switch t.kind {
	case name:
		p.next()
		switch t.text {
		case "true", "True":
			return &constExpr{Bool(true)}
		case "false", "False":
			return &constExpr{Bool(false)}
		case "none", "None":
			return &constExpr{None{}}
		}
		p.mentioned(t.text)
		return &nameExpr{t.text, t.line}
	case stringToken:
		var b strings.Builder
		for p.peek().kind == stringToken {
			b.WriteString(p.next().text)
		}
		p.literals = append(p.literals, b.String())
		return &constExpr{Str(b.String())}
	case integerToken, floatToken:
		return &constExpr{p.number(p.next())}
	case operator:
		switch t.text {
		case "(":
			p.next()
			defer p.enter()()
			x := p.tuple(tupleOf{parentheses: true})
			p.expectOp(")")
			return x
		case "[":
			p.next()
			return p.list()
		case "{":
			p.next()
			return p.dict()
		}
	}
	p.fail(t.line, "unexpected '%s'", t.describe())
	return nil
}

// mentioned tells the macros around that a name is used in them.
func (p *parser) mentioned(text string) {
	for _, m := range p.macros {
		switch text {
		case "varargs":
			m.varargs = true
		case "kwargs":
			m.kwargs = true
		case "caller":
			m.caller = true
		}
	}
}

func (p *parser) number(t token) Value {
	text := strings.ReplaceAll(t.text, "_", "")
	if t.kind == integerToken {
		v, err := strconv.ParseInt(text, 0, 64)
		if err != nil {
			p.fail(t.line, "the integer %s does not fit 64 bits", text)
		}
		return Int(v)
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(v, 0) {
		p.fail(t.line, "%s is no number", text)
	}
	return Float(v)
}

func (p *parser) list() expr {
	x := &seqExpr{kind: listKind}
	for !p.isOp("]") {
		if x.items != nil {
			p.expectOp(",")
			if p.isOp("]") {
				break
			}
		}
		x.items = append(x.items, p.expression())
	}
	p.next()
	return x
}

func (p *parser) dict() expr {
	x := &dictExpr{}
	for !p.isOp("}") {
		if x.keys != nil {
			p.expectOp(",")
			if p.isOp("}") {
				break
			}
		}
		x.keys = append(x.keys, p.expression())
		p.expectOp(":")
		x.values = append(x.values, p.expression())
	}
	p.next()
	return x
}

// postfix reads attributes, subscripts and calls that follow x.
func (p *parser) postfix(x expr) expr {
	levels := 0
	defer func() { p.depth -= levels }()
	for {
		t := p.peek()
		if t.kind != operator || t.text != "." && t.text != "[" && t.text != "(" {
			return x
		}
		p.enter() // what stands to the left is below in the tree
		levels++
		switch t.text {
		case ".":
			p.next()
			switch a := p.next(); a.kind {
			case name:
				x = &attrExpr{x, a.text, t.line}
			case integerToken:
				x = &itemExpr{x, &constExpr{p.number(a)}, t.line}
			default:
				p.fail(a.line, "expected name or number")
			}
		case "[":
			p.next()
			x = &itemExpr{x, p.subscript(), t.line}
		default:
			x = &callExpr{x, p.arguments(), t.line}
		}
	}
}

// subscript reads what stands in brackets after a value.
func (p *parser) subscript() expr {
	var keys []expr
	for !p.isOp("]") {
		if keys != nil {
			p.expectOp(",")
		}
		keys = append(keys, p.oneSubscript())
	}
	p.next()
	if len(keys) == 1 {
		return keys[0]
	}
	return &seqExpr{tupleKind, keys}
}

func (p *parser) oneSubscript() expr {
	s := &sliceExpr{}
	if !p.isOp(":") {
		x := p.expression()
		if !p.isOp(":") {
			return x
		}
		s.start = x
	}
	p.next()
	if !p.isOp(":") && !p.isOp("]") && !p.isOp(",") {
		s.stop = p.expression()
	}
	if p.takeOp(":") && !p.isOp("]") && !p.isOp(",") {
		s.step = p.expression()
	}
	return s
}

// arguments reads those of a call.
func (p *parser) arguments() arguments {
	var a arguments
	line := p.next().line
	ensure := func(ok bool) {
		if !ok {
			p.fail(line, "invalid syntax for function call expression")
		}
	}
	for first := true; !p.isOp(")"); first = false {
		if !first {
			p.expectOp(",")
			if p.isOp(")") {
				break
			}
		}
		switch {
		case p.takeOp("*"):
			ensure(a.dynamic == nil && a.dynamicMap == nil)
			a.dynamic = p.expression()
		case p.takeOp("**"):
			ensure(a.dynamicMap == nil)
			a.dynamicMap = p.expression()
		case p.peek().kind == name && p.look().kind == operator && p.look().text == "=":
			ensure(a.dynamicMap == nil)
			a.names = append(a.names, p.next().text)
			p.next()
			a.keywords = append(a.keywords, p.expression())
		default:
			ensure(a.dynamic == nil && a.dynamicMap == nil && a.names == nil)
			a.positional = append(a.positional, p.expression())
		}
	}
	p.next()
	return a
}

// filtered reads filters, tests and calls that follow x.
func (p *parser) filtered(x expr) expr {
	levels := 0
	defer func() { p.depth -= levels }()
	for {
		switch {
		case p.isOp("|"):
			for _, f := range p.filters(x, false) {
				x = f
				p.enter()
				levels++
			}
		case p.isName("is"):
			x = p.test(x)
			p.enter()
			levels++
		case p.isOp("("):
			line := p.peek().line
			x = &callExpr{x, p.arguments(), line}
			p.enter()
			levels++
		default:
			return x
		}
	}
}

// filters reads filters, each of which filters the one before, and the first x. inline says that the first stands
// without its bar.
func (p *parser) filters(x expr, inline bool) []*filterExpr {
	var all []*filterExpr
	for inline || p.takeOp("|") {
		inline = false
		t := p.expectKind(name)
		f := &filterExpr{of: x, name: p.dotted(t.text), line: t.line}
		if f.fn = filterNamed(f.name); f.fn == nil {
			p.missing(t.line, "No filter named '%s'.", f.name)
		}
		if p.isOp("(") {
			f.args = p.arguments()
		}
		x = f
		all = append(all, f)
	}
	return all
}

func (p *parser) dotted(text string) string {
	for p.takeOp(".") {
		text += "." + p.expectKind(name).text
	}
	return text
}

// test reads a test, "is defined", that follows x.
func (p *parser) test(x expr) expr {
	line := p.next().line
	negated := p.takeName("not")
	t := &testExpr{of: x, name: p.dotted(p.expectKind(name).text), line: line}
	if t.fn = testNamed(t.name); t.fn == nil {
		p.missing(line, "No test named '%s'.", t.name)
	}
	switch a := p.peek(); {
	case p.isOp("("):
		t.args = p.arguments()
	case a.kind == name && (a.text == "else" || a.text == "or" || a.text == "and"):
	case a.kind == name && a.text == "is":
		p.fail(a.line, "You cannot chain multiple tests with is")
	case a.kind == name || a.kind == stringToken || a.kind == integerToken || a.kind == floatToken || p.isOp("[") || p.isOp("{"):
		t.args.positional = []expr{p.postfix(p.primary())}
	}
	if negated {
		return &notExpr{t}
	}
	return t
}
