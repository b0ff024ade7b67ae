std = "lua54"
max_line_length = false
files["spec"] = { std = "+busted" }
files["lua/orowan/meta"] = { ignore = { "212", "211", "221", "241" } }
files["examples/plot_gallery.lua"] = { allow_defined = true }
