package parse

import "strings"

// keywordList is what pg_get_keywords() of PostgreSQL 15 lists: each word with the letter of its class, in lower case if
// the word cannot be a column label without AS.
const keywordList = `
abort:U absolute:U access:U action:U add:U admin:U after:U aggregate:U all:R also:U alter:U always:U analyse:R 
analyze:R and:R any:R array:r as:r asc:R asensitive:U assertion:U assignment:U asymmetric:R at:U atomic:U 
attach:U attribute:U authorization:T backward:U before:U begin:U between:C bigint:C binary:T bit:C boolean:C 
both:R breadth:U by:U cache:U call:U called:U cascade:U cascaded:U case:R cast:R catalog:U chain:U char:c 
character:c characteristics:U check:R checkpoint:U class:U close:U cluster:U coalesce:C collate:R collation:T 
column:R columns:U comment:U comments:U commit:U committed:U compression:U concurrently:T configuration:U 
conflict:U connection:U constraint:R constraints:U content:U continue:U conversion:U copy:U cost:U create:r 
cross:T csv:U cube:U current:U current_catalog:R current_date:R current_role:R current_schema:T current_time:R 
current_timestamp:R current_user:R cursor:U cycle:U data:U database:U day:u deallocate:U dec:C decimal:C 
declare:U default:R defaults:U deferrable:R deferred:U definer:U delete:U delimiter:U delimiters:U depends:U 
depth:U desc:R detach:U dictionary:U disable:U discard:U distinct:R do:R document:U domain:U double:U drop:U 
each:U else:R enable:U encoding:U encrypted:U end:R enum:U escape:U event:U except:r exclude:U excluding:U 
exclusive:U execute:U exists:C explain:U expression:U extension:U external:U extract:C false:R family:U fetch:r 
filter:u finalize:U first:U float:C following:U for:r force:U foreign:R forward:U freeze:T from:r full:T 
function:U functions:U generated:U global:U grant:r granted:U greatest:C group:r grouping:C groups:U handler:U 
having:r header:U hold:U hour:u identity:U if:U ilike:T immediate:U immutable:U implicit:U import:U in:R 
include:U including:U increment:U index:U indexes:U inherit:U inherits:U initially:R inline:U inner:T inout:C 
input:U insensitive:U insert:U instead:U int:C integer:C intersect:r interval:C into:r invoker:U is:T isnull:t 
isolation:U join:T key:U label:U language:U large:U last:U lateral:R leading:R leakproof:U least:C left:T 
level:U like:T limit:r listen:U load:U local:U localtime:R localtimestamp:R location:U lock:U locked:U logged:U 
mapping:U match:U matched:U materialized:U maxvalue:U merge:U method:U minute:u minvalue:U mode:U month:u 
move:U name:U names:U national:C natural:T nchar:C new:U next:U nfc:U nfd:U nfkc:U nfkd:U no:U none:C 
normalize:C normalized:U not:R nothing:U notify:U notnull:t nowait:U null:R nullif:C nulls:U numeric:C object:U 
of:U off:U offset:r oids:U old:U on:r only:R operator:U option:U options:U or:R order:r ordinality:U others:U 
out:C outer:T over:u overlaps:t overlay:C overriding:U owned:U owner:U parallel:U parameter:U parser:U 
partial:U partition:U passing:U password:U placing:R plans:U policy:U position:C preceding:U precision:c 
prepare:U prepared:U preserve:U primary:R prior:U privileges:U procedural:U procedure:U procedures:U program:U 
publication:U quote:U range:U read:U real:C reassign:U recheck:U recursive:U ref:U references:R referencing:U 
refresh:U reindex:U relative:U release:U rename:U repeatable:U replace:U replica:U reset:U restart:U restrict:U 
return:U returning:r returns:U revoke:U right:T role:U rollback:U rollup:U routine:U routines:U row:C rows:U 
rule:U savepoint:U schema:U schemas:U scroll:U search:U second:u security:U select:R sequence:U sequences:U 
serializable:U server:U session:U session_user:R set:U setof:C sets:U share:U show:U similar:T simple:U skip:U 
smallint:C snapshot:U some:R sql:U stable:U standalone:U start:U statement:U statistics:U stdin:U stdout:U 
storage:U stored:U strict:U strip:U subscription:U substring:C support:U symmetric:R sysid:U system:U table:R 
tables:U tablesample:T tablespace:U temp:U template:U temporary:U text:U then:R ties:U time:C timestamp:C to:r 
trailing:R transaction:U transform:U treat:C trigger:U trim:C true:R truncate:U trusted:U type:U types:U 
uescape:U unbounded:U uncommitted:U unencrypted:U union:r unique:R unknown:U unlisten:U unlogged:U until:U 
update:U user:R using:R vacuum:U valid:U validate:U validator:U value:U values:C varchar:C variadic:R varying:u 
verbose:T version:U view:U views:U volatile:U when:R where:r whitespace:U window:r with:r within:u without:u 
work:U wrapper:U write:U xml:U xmlattributes:C xmlconcat:C xmlelement:C xmlexists:C xmlforest:C xmlnamespaces:C 
xmlparse:C xmlpi:C xmlroot:C xmlserialize:C xmltable:C year:u yes:U zone:U 
`

// A class says where a keyword may be used as a name.
type class uint8

// The classes, with their letters in pg_get_keywords().
const (
	notKeyword class = iota
	unreserved       // U: anywhere
	columnName       // C: not as the name of a function or type
	typeOrFunc       // T: as the name of a function or type only
	reserved         // R: as a label after AS only
)

// A Keyword is a word of SQL that is more than a name.
type Keyword struct {
	Word string
	// Class is U (unreserved), C (unreserved, cannot be function or type name), T (reserved, can be function or type
	// name) or R (reserved), as in pg_get_keywords().
	Class byte
	// BareLabel tells that the word can be a column label without AS.
	BareLabel bool
}

// Keywords returns all keywords in alphabetical order.
func Keywords() []Keyword {
	return append([]Keyword(nil), keywords[1:]...)
}

// keywords, classes and keywordSlots are made of keywordList once. keywordSlots is an open hash table by hashKeyword.
var (
	keywords     [keywordEnd]Keyword
	classes      [keywordEnd]class
	keywordSlots [2048]keyword
)

// maxKeyword is the length of the longest keyword.
const maxKeyword = len("current_timestamp")

func init() {
	fields := strings.Fields(keywordList)
	if len(fields) != int(keywordEnd)-1 {
		panic("parse: keyword constants and list differ")
	}
	for i, f := range fields {
		k := keyword(i + 1)
		word, letter, _ := strings.Cut(f, ":")
		upper := strings.ToUpper(letter)
		keywords[k] = Keyword{Word: word, Class: upper[0], BareLabel: letter == upper}
		classes[k] = class(strings.Index("UCTR", upper) + 1)
		h := uint32(0)
		for j := 0; j < len(word); j++ {
			h = hashKeyword(h, word[j])
		}
		slot := h % uint32(len(keywordSlots))
		for keywordSlots[slot] != 0 {
			slot = (slot + 1) % uint32(len(keywordSlots))
		}
		keywordSlots[slot] = k
	}
}

// hashKeyword adds a byte of the word in lower case to its hash, which starts as 0.
func hashKeyword(h uint32, c byte) uint32 { return (h ^ uint32(c)) * 0x9e3779b1 >> 3 }

// findKeyword looks a word in lower case up by its hash.
func findKeyword(word []byte, h uint32) keyword {
	for slot := h % uint32(len(keywordSlots)); ; slot = (slot + 1) % uint32(len(keywordSlots)) {
		k := keywordSlots[slot]
		if k == 0 || keywords[k].Word == string(word) {
			return k
		}
	}
}
