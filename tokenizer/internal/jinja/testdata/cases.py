"""Small templates and what the reference makes of them: a text, or the kind and message of an error.

usage: pip install transformers==5.24.0 jinja2==3.1.6; python cases.py [EVERY]

Writes cases.json.gz here: all statements below, and each EVERY-th (default 12) combination of a value with a filter, a test, an operator, a
method or a format. With EVERY = 1 it writes all of them, which is much.
"""
import gzip, json, pathlib, sys
from transformers.utils.chat_template_utils import _compile_jinja_template
exprs = []
vals = ["'abc'", "''", "' aB c '", "'ünï ß'", "3", "-7", "0", "2.5", "-0.0", "1e20", "1e-7", "true", "none", "[]", "[1,2,3]", "['b','a','B']", "(1,)", "{}", "{'a':1,'b':[2]}", "undef", "[[1,2],[3,4]]", "{'x':{'y':'z'}}", "users", "1234567", "'a,b,,c'", "'<b>&\"x\"'", "range(4)", "'line1\\nline2\\n\\nline4'", "'%s-%d'", "'{} {1}'"]
filters = "abs batch(2)|list capitalize center(9) count default('D') default('D',true) dictsort escape first float forceescape indent indent(2,true) indent('>>',first=true,blank=true) int items|list join join('-') last list lower map('upper')|list max min reject('odd')|list replace('a','XY') replace('a','XY',1) reverse reverse|list round round(1) round(1,'floor') safe select('odd')|list select|list slice(2)|list sort sort(reverse=true) sort(case_sensitive=true) string striptags sum title tojson tojson(indent=2) tojson(sort_keys=true) tojson(ensure_ascii=true) tojson(separators=(',',':')) trim trim('a') truncate(5) truncate(5,true,'',0) unique|list upper urlencode wordcount length filesizeformat map(attribute='name')|list selectattr('age','gt',3)|map(attribute='name')|list groupby('name') sort(attribute='age') format(1,2) int(base=16) float(default=5) attr('upper') map('int')|list".split(' ')
for v in vals:
    for f in filters:
        exprs.append("{{ %s|%s }}" % (v, f))
tests = "defined undefined none boolean true false string mapping number integer float sequence iterable callable odd even divisibleby(3) lower upper eq(3) ne(3) lt(3) gt(3) ge(3) le(3) in([3,'abc']) sameas(none) escaped filter test".split(' ')
for v in vals:
    for t in tests:
        exprs.append("{{ %s is %s }}" % (v, t))
ops = ["+","-","*","/","//","%","**","~","==","!=","<","<=",">",">=","in","not in","and","or"]
for a in vals:
    for b in vals:
        for o in ops:
            exprs.append("{{ %s %s %s }}" % (a, o, b))
meths = "upper() lower() title() capitalize() swapcase() strip() lstrip() rstrip() split() split(',') split(',',1) rsplit(',',1) split(none,1) rsplit(none,1) splitlines() splitlines(true) partition('b') rpartition('b') replace('a','b') replace('','-') startswith('a') endswith(('c','b')) removeprefix('a') removesuffix('c') find('b') rfind('b') index('b') rindex('z') count('') count('a') join(['x','y']) join([1]) center(8,'*') ljust(8) rjust(8,'-') zfill(6) expandtabs() format(1,2) format('x') isdigit() isdecimal() isnumeric() isalpha() isalnum() isspace() isupper() islower() istitle() isascii() casefold() items()|list keys()|list values()|list get('a') get('zz') get('zz',5) copy() append(1) pop() update({}) index(2) count(1) __class__ _x foo items keys 0 [0] [-1] [5] [1:] [:-1] [::-1] [::2] [1:3] ['a'] ['b','c'] [none] x.y.z name".split(' ')
for v in vals:
    for m in meths:
        if m.startswith('['): exprs.append("{{ (%s)%s }}" % (v, m))
        else: exprs.append("{{ (%s).%s }}" % (v, m))
fmts = ["'%d'","'%5d|'","'%-5d|'","'%05d'","'%+d'","'%x'","'%#x'","'%o'","'%s'","'%10s|'","'%-10s|'","'%.2s'","'%r'","'%e'","'%.3f'","'%g'","'%G'","'%c'","'%%'","'%5.1f|'","'%i'","'%.0f'","'%(a)s'","'%d %d'","'%z'","'%'"]
for f in fmts:
    for v in ["3","-3","2.5","'x'","none","[1]","(1,2)","{'a':5}","true","undef","123456789","0.0001","1e20"]:
        exprs.append("{{ %s %% %s }}" % (f, v))
specs = ["", "5", "<5", ">5", "^5", "*^7", "05", "+", "+d", " d", ",", "_", ".2f", "8.3f", "e", "g", ".3g", "%", ".1%", "x", "#x", "b", "#b", "o", "c", "s", ".2", "=+6", "n", "10.4", "q", "d"]
for sp in specs:
    for v in ["3","-3","2.5","'xyz'","none","[1]","true","1234567.891","1e20","0.00001234", "'ü'"]:
        exprs.append("{{ '{:%s}|'.format(%s) }}" % (sp, v))
more = r"""
{{ '{0} {1}'.format('a','b') }}
{{ '{} {}'.format('a') }}
{{ '{a.b} {a[c]}'.format(a={'b':1,'c':2}) }}
{{ '{!r} {!s:>5}'.format('a','b') }}
{{ '{0} {}'.format(1,2) }}
{{ '{{}} {x}'.format(x=3) }}
{{ '{' .format(1) }}
{{ '}' .format(1) }}
{{ '{:{}}'.format('a', 5) }}
{{ '{a.__class__}'.format(a=1) }}
{% for i in range(3) %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a','b') }}{{ loop.changed(i//2) }}{{ loop.depth }};{% endfor %}
{% for i in [] %}x{% else %}none{% endfor %}
{% for i in range(9) if i is odd %}{{ i }}/{{ loop.length }} {% endfor %}
{% for k, v in {'a':1,'b':2}.items() %}{{ k }}={{ v }},{% endfor %}
{% for k, v in [(1,2),(3,)] %}{{ k }}{% endfor %}
{% for k, v in [(1,2,3)] %}{{ k }}{% endfor %}
{% for k, v in [1] %}{{ k }}{% endfor %}
{% for x in 'añb' %}[{{ x }}]{% endfor %}
{% for x in 5 %}{% endfor %}
{% for x in none %}{% endfor %}
{% for x in undef %}a{% else %}b{% endfor %}
{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% for a in [[1,[2,[3]]]] recursive %}{{ a if a is number else loop(a) }}.{% endfor %}
{% set x = 1 %}{% for i in [1,2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}
{% set ns = namespace(x=1, y='q') %}{% for i in [1,2] %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}{{ ns.y }}{{ ns.z }}
{% set ns = namespace({'a': 1}) %}{{ ns.a }}{% set ns._a = 1 %}
{% set d = {} %}{% set d.x = 1 %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}
{% set (a, b) = [3, 4] %}{{ a }}{{ b }}
{% set x %}  hi {{ 1+1 }} {% endset %}[{{ x }}]
{% set x | upper | trim %}  hi {% endset %}[{{ x }}]
{% if true %}{% set q = 5 %}{% endif %}{{ q }}
{% macro m(a, b=2, c=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m(b=5) }} {{ m(1,2,3) }}
{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, 3, x=4) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}
{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, b=2) }}
{% macro m() %}[{{ caller(5) }}]{% endmacro %}{% call(x) m() %}got {{ x }}{% endcall %}
{% macro m() %}[{{ caller() }}]{% endmacro %}{{ m() }}
{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(4) }}
{% macro m() %}{{ v }}{% endmacro %}{% set v = 7 %}{{ m() }}
{{ m }}{% macro m() %}{% endmacro %}{{ m.name }}{{ m.arguments }}
{% macro m() %}x{% endmacro %}{{ m }}
{% filter upper %}abc{{ 'd' }}{% endfilter %}
{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}
{% raw %}{{ x }}{% if %}{% endraw %}
{%- raw -%}  {{ x }}  {%- endraw -%}  z
a {# comment #} b
a {#- comment -#} b
{{ 1 if false }}x
{{ (1 if false) + 1 }}
{{ 1 if false else 2 if true else 3 }}
{{ not true or true and false }}
{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 1 == 1 != 2 }}
{{ -2 ** 2 }}{{ 2 ** 3 ** 2 }}{{ -3|abs }}{{ (-3)|abs }}
{{ 'a' 'b' }}
{{ "a\n\tb\\\x41\u00fc\101" }}
{{ [1,2,][0] }}{{ (1,) }}{{ () }}{{ {'a':1,} }}
{{ {1:2, 'a':[none, true, 1.5, "x'y", 'x"y', 'é\n']} }}
{{ users[0].name }}{{ users[0]['name'] }}{{ users.0.name }}{{ users[9].name }}
{{ users[0].nope }}{{ users[0].nope.x }}
{{ foo.bar }}
{{ foo() }}
{{ 'a'() }}
{{ 'x'.foo() }}
{{ none.x }}
{{ none.x.y }}
{{ range(100001) }}
{{ range(2,10,3)|list }}{{ range(5,0,-2)|list }}{{ range(3) }}
{{ dict(a=1, b=2) }}{{ dict([('x',1)]) }}{{ dict({'q':1}, z=2) }}
{{ raise_exception('boo') }}
{{ strftime_now('%Y') | length }}
{% set c = cycler('a','b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}
{% set j = joiner('|') %}{{ j() }}a{{ j() }}b
{{ x is foo }}
{{ x|foo }}
{% if false %}{{ x|foo }}{% endif %}ok
{% if true %}{{ x|foo }}{% endif %}ok
{{ 1|foo if false else 2 }}
{% foo %}
{% if x %}
{% endif %}
{% for x in y %}{% endif %}
{{ x
{{ 'abc }}
{# abc
{{ a b }}
{{ }}
{% set 1 = 2 %}
{% set true = 2 %}
{{ [1,2 }}
{{ (1 }}
{% include 'x' %}
{% generation %}abc{% endgeneration %}
{% block a %}x{{ 1 }}{% endblock %}y
{{ 'a' if x is defined and x else 'b' }}
{{ users|selectattr('age')|list|length }}{{ users|rejectattr('age','equalto',5)|map(attribute='name')|join(',') }}
{{ users|map(attribute='zip', default='n')|join }}
{{ users|map('tojson')|join }}
{{ 'abc'[1] }}{{ 'abc'[-1] }}{{ 'abc'[7] }}{{ 'abc'[1:] }}{{ 'aüc'[1] }}
{{ 'a' in 'abc' }}{{ 1 in 'abc' }}
{{ 'a' in none }}
{{ 'a' in undef }}{{ undef in [1] }}
{{ [] < [1] }}{{ (1,2) < (1,3) }}
{{ {'a':1} == {'a':1.0} }}{{ [1] == (1,) }}{{ true == 1 }}{{ '1' == 1 }}
{{ 7 // 2 }}{{ -7 // 2 }}{{ -7 % 3 }}{{ 7 % -3 }}{{ 7.5 // 2 }}{{ -7.5 % 2 }}{{ 1 / 3 }}{{ 10 / 5 }}
{{ 1 / 0 }}
{{ 1 % 0 }}
{{ 1.5 // 0 }}
{{ 'a' * 3 }}{{ 3 * 'a' }}{{ [1] * 2 }}{{ 'a' * -1 }}
{{ 'a' * 2.5 }}
{{ 'a' + 1 }}
{{ 1 + 'a' }}
{{ [1] + [2] }}{{ [1] + (2,) }}
{{ 'x'|safe + '<' }}{{ '<' + 'x'|safe }}{{ 'x'|safe ~ '<' }}
{{ '<'|escape|upper }}{{ ('<'|escape).replace('l','L') }}
{{ 1_000 }}{{ 0x1F }}{{ 0b11 }}{{ 0o17 }}{{ 1e3 }}{{ 1.5e-3 }}{{ 1e16 }}{{ 123456789.123 }}{{ 1e15 }}{{ 0.1+0.2 }}
{{ users|sort(attribute='name,age')|map(attribute='name')|join }}
{{ users|groupby('age')|map('first')|list }}
{{ users|sum(attribute='age') }}{{ [1.5,2]|sum }}{{ [[1],[2]]|sum(start=[]) }}
{{ users|max(attribute='age') }}
{% print 1, 2 %}
{% autoescape false %}<{% endautoescape %}
{{ loop }}
{% for i in [1] %}{{ loop is defined }}{% macro m() %}{{ loop is defined }}{{ i }}{% endmacro %}{{ m() }}{% endfor %}
{% for i in [1,2] %}{% for j in [1,2] %}{{ loop.index }}{{ i }}{% endfor %}{{ loop.index }}{% endfor %}
  {% if true %}  
  x
  {% endif %}  
y
  {%- if true -%}  
  x
  {%- endif +%}  
y
   {%+ if true %}z{% endif %}

a
 {{- 1 -}} 
b
{% set x = [1,2,3] %}{{ x[::-1] }}{{ x[1:][0] }}{{ x|length }}
{{ "a" if none is none }}
{{ users | tojson }}
{{ {'a': undef} | tojson }}
{{ {'a': [1, {'b': none}], 'c': 'ü"\u2028'} | tojson(indent=4) }}
{{ [] | tojson(indent=2) }}{{ {} | tojson(indent=2) }}
{{ 1.0 | tojson }}{{ 1e100 | tojson }}{{ true | tojson }}
{{ messages[-1]['role'] if messages else 'x' }}
{{ (undef or 'x') ~ (undef and 'y') }}
{{ undef + 1 }}
{{ undef|length }}{{ undef|list }}{{ undef|upper }}{{ undef|trim }}{{ undef|join }}{{ undef|tojson }}
{{ undef|int }}
{{ none|trim }}{{ none|upper }}{{ none|length }}
{{ true + true }}{{ -true }}
{{ 'a'.__class__ }}
{{ 'a'.__class__.x }}
{{ ''|attr('__class__') }}
{{ [1,2].append(3) }}
{{ {}.update({}) }}
{% set ns = namespace() %}{% set ns.a = [] %}{% set ns.a = ns.a + [1] %}{{ ns.a }}
{{ namespace(a=1) }}
{{ 'Hello World foo-bar'|title }}{{ 'hello wORLD'.title() }}{{ "they're bill's".title() }}
{{ 'ß'|upper }}{{ 'İ'|lower }}{{ 'ǆ'|capitalize }}{{ 'ΑΣ'|lower }}
{{ '٣'.isdigit() }}{{ '²'.isdigit() }}{{ '½'.isnumeric() }}{{ '²'.isdecimal() }}
{{ 'a\tb'.expandtabs(4) }}{{ 'a\x1fb'.split() }}{{ 'a\u00a0b'.split() }}{{ 'a\u2028b'.splitlines() }}
""".split('\n')
every = int(sys.argv[1]) if len(sys.argv) > 1 else 12
exprs = [e for e in exprs if "users|indent" not in e][::every]
exprs += [l for l in more if l.strip()]
exprs += ["  {% if true %}  \n  x\n  {% endif %}  \ny", "  {%- if true -%}  \n  x\n  {%- endif +%}  \ny", "   {%+ if true %}z{% endif %}\n\na\n {{- 1 -}} \nb", "a\n  {# c #}\nb", "a\n  {#- c #}\n\nb\n", "x\r\ny\rz\n\n", "{% raw %}\n  a\n  {% endraw %}\nb", "{% for i in [1,2] %}\n  {{ i }}\n{% endfor %}\n", "a {%- set x = 1 %}\n b", "{{ 1 }}\n\n{{ 2 }}\n", "{{- 'a' }}  \n  {{ 'b' -}}\n  c", "{%- if true +%}\n a{% endif %}"]
V = {"users": [{"name": "bob", "age": 5}, {"name": "Al", "age": 3}, {"name": "al", "age": 9}], "messages": []}
out = []
for e in dict.fromkeys(exprs):
    try:
        t = _compile_jinja_template(e)
        out.append({"t": e, "text": t.render(**V)})
    except RecursionError as x:
        continue
    except Exception as x:
        out.append({"t": e, "error": type(x).__name__ + ": " + str(x)})
out = [c for c in out if len(c.get("text", "")) < 2000 and " object at 0x" not in c.get("text", "")]
data = json.dumps({"variables": V, "cases": out}, ensure_ascii=False)
(pathlib.Path(__file__).parent / "cases.json.gz").write_bytes(gzip.compress(data.encode(), 9, mtime=0))
print(len(out))
