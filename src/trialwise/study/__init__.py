"""Studies of many fits: pieces of work that can be done anywhere, in any order, and are never done twice."""
