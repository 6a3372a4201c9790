package jinja

import (
	"fmt"
	"slices"
	"strings"
)

// A Template is parsed text. It does not change: any number of goroutines may render it.
type Template struct {
	body     []node
	limits   Limits
	literals []string
	source   string
}

// Literals returns the text between tags and the string constants: what the template itself can write.
func (t *Template) Literals() []string { return t.literals }

// Source returns the text that was parsed.
func (t *Template) Source() string { return t.source }

// Parse reads a template. The error is an [*Error].
func Parse(source string, limits Limits) (t *Template, err error) {
	defer caught(&err)
	limits = limits.filled()
	if len(source) > limits.Source {
		fail("LimitError", "the template has %d bytes; the limit is %d", len(source), limits.Source)
	}
	p := &parser{tokens: lex(source), limit: limits.Nesting}
	body := p.statements()
	if len(p.unknown) > 0 {
		panic(p.unknown[0])
	}
	return &Template{body, limits, p.literals, source}, nil
}

type parser struct {
	tokens   []token
	pos      int
	limit    int // of depth
	depth    int
	loops    int // around the statement
	soft     int // conditions around it: an unknown filter there fails when it is reached
	unknown  []*Error
	macros   []*macroNode
	open     []string // tags that are open
	literals []string
}

func (p *parser) peek() token { return p.tokens[p.pos] }

func (p *parser) look() token { return p.tokens[min(p.pos+1, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.tokens[p.pos]
	p.pos = min(p.pos+1, len(p.tokens)-1)
	return t
}

func (p *parser) fail(line int, format string, args ...any) {
	defer atLine(line)
	fail("TemplateSyntaxError", format, args...)
}

// atLine adds a line to the error that is on its way.
func atLine(line int) {
	if e := recover(); e != nil {
		if err, ok := e.(*Error); ok && err.Line == 0 {
			err.Line = line
		}
		panic(e)
	}
}

func (p *parser) isOp(op string) bool {
	t := p.peek()
	return t.kind == operator && t.text == op
}

func (p *parser) isName(text string) bool {
	t := p.peek()
	return t.kind == name && t.text == text
}

func (p *parser) takeOp(op string) bool {
	if !p.isOp(op) {
		return false
	}
	p.next()
	return true
}

func (p *parser) takeName(text string) bool {
	if !p.isName(text) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expectOp(op string) {
	if !p.takeOp(op) {
		p.unexpected("'" + op + "'")
	}
}

func (p *parser) expectKind(kind tokenKind) token {
	if p.peek().kind != kind {
		p.unexpected("'" + token{kind: kind, text: "name"}.describe() + "'")
	}
	return p.next()
}

func (p *parser) expectName(text string) {
	if !p.takeName(text) {
		p.unexpected("'" + text + "'")
	}
}

func (p *parser) unexpected(want string) {
	t := p.peek()
	if t.kind == endOfFile {
		p.fail(t.line, "unexpected end of template, expected %s.", want)
	}
	p.fail(t.line, "expected token %s, got '%s'", want, t.describe())
}

// missing notes that a filter or a test is unknown.
func (p *parser) missing(line int, format string, args ...any) {
	if p.soft == 0 {
		p.unknown = append(p.unknown, &Error{"TemplateAssertionError", fmt.Sprintf(format, args...), line})
	}
}

// enter counts one more level of nesting; the function that it returns ends it.
func (p *parser) enter() func() {
	if p.depth++; p.depth > p.limit {
		defer atLine(p.peek().line)
		fail("LimitError", "the template is nested deeper than %d", p.limit)
	}
	return func() { p.depth-- }
}

// statements reads up to one of the end tags, whose name is then next. Without end tags it reads up to the end.
func (p *parser) statements(ends ...string) []node {
	defer p.enter()()
	var body []node
	var parts []expr
	flush := func() {
		if parts != nil {
			body = append(body, &outputNode{parts})
			parts = nil
		}
	}
	for {
		t := p.peek()
		switch t.kind {
		case endOfFile:
			if ends != nil {
				p.fail(t.line, "Unexpected end of template. Jinja was looking for the following tags: '%s'. The innermost block that needs to be closed is '%s'.",
					strings.Join(ends, "' or '"), p.open[len(p.open)-1])
			}
			flush()
			return body
		case data:
			p.next()
			p.literals = append(p.literals, t.text)
			parts = append(parts, &constExpr{Str(t.text)})
		case variableBegin:
			p.next()
			parts = append(parts, p.tuple(tupleOf{}))
			p.expectKind(variableEnd)
		default:
			p.expectKind(blockBegin)
			flush()
			if tag := p.peek(); tag.kind == name && slices.Contains(ends, tag.text) {
				return body
			}
			body = append(body, p.statement())
			p.expectKind(blockEnd)
		}
	}
}

// body reads the end of a tag, and statements up to one of the end tags.
func (p *parser) body(ends ...string) []node {
	p.takeOp(":")
	p.expectKind(blockEnd)
	return p.statements(ends...)
}

// last is body with one end tag, which it consumes.
func (p *parser) last(end string) []node {
	body := p.body(end)
	p.next()
	return body
}

func (p *parser) statement() node {
	t := p.peek()
	if t.kind != name {
		p.fail(t.line, "tag name expected")
	}
	p.open = append(p.open, t.text)
	defer func() { p.open = p.open[:len(p.open)-1] }()
	switch t.text {
	case "for":
		return p.forLoop()
	case "if":
		return p.condition()
	case "set":
		return p.set()
	case "macro":
		return p.macro()
	case "call":
		return p.callBlock()
	case "filter":
		p.next()
		filters := p.filters(nil, true)
		return &filterNode{filters, p.last("endfilter")}
	case "with":
		return p.with()
	case "generation":
		p.next()
		return &generationNode{p.last("endgeneration")}
	case "block":
		return p.block()
	case "print":
		return p.print()
	case "break", "continue":
		p.next()
		if p.loops == 0 {
			p.fail(t.line, "'%s' outside loop", t.text)
		}
		if t.text == "break" {
			return breakNode{}
		}
		return continueNode{}
	case "autoescape":
		p.next()
		if c, ok := p.expression().(*constExpr); !ok || c.value != Bool(false) {
			p.fail(t.line, "autoescape is not supported, but for false")
		}
		return &withNode{body: p.last("endautoescape")}
	case "extends", "include", "import", "from":
		p.fail(t.line, "a template that names others (%s) is not supported: there is no loader for them", t.text)
	}
	p.fail(t.line, "Encountered unknown tag '%s'.", t.text)
	return nil
}

func (p *parser) forLoop() node {
	n := &forNode{line: p.next().line}
	n.target = p.target("in")
	p.expectName("in")
	n.in = p.tuple(tupleOf{noCondition: true, end: "recursive"})
	if p.takeName("if") {
		n.filter = p.expression()
	}
	n.recursive = p.takeName("recursive")
	p.loops++
	n.body = p.body("endfor", "else")
	p.loops--
	if p.next().text == "else" {
		n.none = p.last("endfor")
	}
	return n
}

func (p *parser) condition() node {
	p.next()
	p.soft++
	defer func() { p.soft-- }()
	n := &ifNode{test: p.tuple(tupleOf{noCondition: true})}
	n.then = p.body("elif", "else", "endif")
	switch p.peek().text {
	case "elif":
		defer p.enter()()
		n.else_ = []node{p.condition()}
	case "else":
		p.next()
		n.else_ = p.last("endif")
	default:
		p.next()
	}
	return n
}

func (p *parser) set() node {
	p.next()
	to := p.target("")
	if p.takeOp("=") {
		return &setNode{to, p.tuple(tupleOf{})}
	}
	filters := p.filters(nil, false)
	return &setBlockNode{to, filters, p.last("endset")}
}

func (p *parser) with() node {
	p.next()
	n := &withNode{}
	for p.peek().kind != blockEnd {
		if n.targets != nil {
			p.expectOp(",")
		}
		n.targets = append(n.targets, p.target(""))
		p.expectOp("=")
		n.values = append(n.values, p.expression())
	}
	n.body = p.last("endwith")
	return n
}

func (p *parser) block() node {
	p.next()
	called := p.expectKind(name).text
	p.takeName("scoped")
	if p.isName("required") {
		p.fail(p.peek().line, "a required block is not supported: a template has none that fills it")
	}
	n := &blockNode{p.last("endblock")}
	p.takeName(called)
	return n
}

func (p *parser) print() node {
	p.next()
	n := &outputNode{}
	for p.peek().kind != blockEnd {
		if n.parts != nil {
			p.expectOp(",")
		}
		n.parts = append(n.parts, p.expression())
	}
	return n
}

func (p *parser) macro() node {
	p.next()
	n := &macroNode{name: p.expectKind(name).text}
	n.params = p.signature()
	p.macroBody(n, "endmacro")
	return n
}

func (p *parser) macroBody(n *macroNode, end string) {
	for _, x := range n.params {
		n.ownsCaller = n.ownsCaller || x.name == "caller"
	}
	p.macros = append(p.macros, n)
	loops := p.loops
	p.loops = 0
	n.body = p.last(end)
	p.loops = loops
	p.macros = p.macros[:len(p.macros)-1]
}

func (p *parser) callBlock() node {
	line := p.next().line
	body := &macroNode{name: "caller"}
	if p.isOp("(") {
		body.params = p.signature()
	}
	call, ok := p.expression().(*callExpr)
	if !ok {
		p.fail(line, "expected call")
	}
	p.macroBody(body, "endcall")
	return &callNode{call, body}
}

func (p *parser) signature() []param {
	var params []param
	p.expectOp("(")
	for !p.isOp(")") {
		if params != nil {
			p.expectOp(",")
		}
		x := param{name: p.assignable(p.expectKind(name))}
		if p.takeOp("=") {
			x.value = p.expression()
		} else if len(params) > 0 && params[len(params)-1].value != nil {
			p.fail(p.peek().line, "non-default argument follows default argument")
		}
		params = append(params, x)
	}
	p.next()
	return params
}

// assignable returns the name in t, which must not be that of a constant.
func (p *parser) assignable(t token) string {
	switch t.text {
	case "true", "false", "none", "True", "False", "None":
		p.fail(t.line, "can't assign to 'const'")
	}
	return t.text
}

// target reads what a value is assigned to: a name, an attribute of a namespace, or several of them. end is the name
// that ends it.
func (p *parser) target(end string) target {
	defer p.enter()()
	var parts []target
	tuple, line := false, p.peek().line
	for {
		if len(parts) > 0 && (p.peek().kind == blockEnd || p.isOp("=") || p.isOp(")") || end != "" && p.isName(end)) {
			break
		}
		parts = append(parts, p.oneTarget())
		if !p.takeOp(",") {
			break
		}
		tuple = true
	}
	if !tuple {
		return parts[0]
	}
	return target{parts: parts, tuple: true, line: line}
}

func (p *parser) oneTarget() target {
	if p.takeOp("(") {
		t := p.target("")
		p.expectOp(")")
		return t
	}
	t := p.expectKind(name)
	to := target{name: p.assignable(t), line: t.line}
	if p.takeOp(".") {
		to.attribute = p.expectKind(name).text
	}
	return to
}
