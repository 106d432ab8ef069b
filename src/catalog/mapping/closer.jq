# Definitions that are missing in jaq's library, or come closer to jq than its own.

def reverse:
  if type == "string" then explode | [.[length - 1 - range(0; length)]] | implode
  else [.[length - 1 - range(0; length)]] end;

def join($separator):
  def text: if . == null then "" else tostring end;
  reduce .[] as $x (null; (if . == null then "" else . + $separator end) + ($x | text)) // "";

def IN(source): any(source == .; .);
def IN(left; right): any(left == right; .);
def INDEX(stream; f): reduce stream as $row ({}; . + {($row | f | tostring): $row});
def INDEX(f): INDEX(.[]; f);

def toarray: if type == "array" then . else [.] end;
def trimstr($x): ltrimstr($x) | rtrimstr($x);
def date: todate;
def dateadd(unit; n): . + n;
def datesub(unit; n): . - n;

def tostream:
  path(def all: (.[]? | all), .; all) as $p
  | getpath($p)
  | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);

def @csv:
  def cell: if type == "string" then "\"" + gsub("\""; "\"\"") + "\"" elif . == null then "" else tostring end;
  map(cell) | join(",");
def @tsv:
  def cell:
    if type == "string" then
      gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r")
    elif . == null then "" else tostring end;
  map(cell) | join("\t");
