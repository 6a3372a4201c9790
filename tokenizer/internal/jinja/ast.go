package jinja

// A node is a statement.
type node interface{ exec(r *renderer, s *scope) }

// An expr is an expression.
type expr interface {
	eval(r *renderer, s *scope) Value
}

// Statements.
type (
	outputNode struct{ parts []expr }
	setNode    struct {
		target target
		value  expr
	}
	setBlockNode struct {
		target  target
		filters []*filterExpr
		body    []node
	}
	forNode struct {
		target     target
		in, filter expr
		body, none []node
		recursive  bool
		line       int
	}
	ifNode struct {
		test        expr
		then, else_ []node
	}
	withNode struct {
		targets []target
		values  []expr
		body    []node
	}
	macroNode struct {
		name               string
		params             []param
		body               []node
		varargs, kwargs    bool // the body names them
		caller, ownsCaller bool // the body names it; it is a parameter
	}
	callNode struct {
		call *callExpr
		body *macroNode
	}
	filterNode struct {
		filters []*filterExpr
		body    []node
	}
	blockNode      struct{ body []node } // of a template that extends none: a scope of the root
	generationNode struct{ body []node }
	breakNode      struct{}
	continueNode   struct{}
)

// A param is a parameter of a macro.
type param struct {
	name  string
	value expr // its default, or nil
}

// A target is what a value is assigned to: one of three.
type target struct {
	name      string
	attribute string   // of the namespace name
	parts     []target // of a tuple
	tuple     bool
	line      int
}

// Expressions.
type (
	constExpr struct{ value Value }
	nameExpr  struct {
		name string
		line int
	}
	seqExpr struct {
		kind  seqKind
		items []expr
	}
	dictExpr struct{ keys, values []expr }
	condExpr struct{ test, then, else_ expr }
	andExpr  struct{ left, right expr }
	orExpr   struct{ left, right expr }
	notExpr  struct{ of expr }
	negExpr  struct {
		op string
		of expr
	}
	binaryExpr struct {
		op          string
		left, right expr
		line        int
	}
	concatExpr  struct{ parts []expr }
	compareExpr struct {
		first expr
		ops   []string
		rest  []expr
		line  int
	}
	attrExpr struct {
		of   expr
		name string
		line int
	}
	itemExpr struct {
		of, key expr
		line    int
	}
	sliceExpr struct{ start, stop, step expr }
	callExpr  struct {
		fn   expr
		args arguments
		line int
	}
	filterExpr struct {
		of   expr
		name string
		fn   filter // nil: unknown
		args arguments
		line int
	}
	testExpr struct {
		of   expr
		name string
		fn   test // nil: unknown
		args arguments
		line int
	}
)

// arguments are those of a call.
type arguments struct {
	positional          []expr
	names               []string // of the keywords
	keywords            []expr
	dynamic, dynamicMap expr // *args and **kwargs, or nil
}
