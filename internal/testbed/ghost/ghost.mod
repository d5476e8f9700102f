module starferry/ghost

go 1.26

require github.com/github/gh-ost v1.1.8
