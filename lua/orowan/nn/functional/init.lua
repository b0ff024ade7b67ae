--- Functions of variables, tensors and numbers: the layers without their parameters. Each gives a
--- variable, and its gradient to whatever input asks for one. A method v:NAME(...) of variables
--- is the function NAME with v as its first argument.
local functional = {}
for _, part in ipairs { "math", "shape", "activation", "conv", "norm", "pool", "rows", "loss" } do
  for name, f in pairs(require("orowan.nn.functional." .. part)) do functional[name] = f end
end
return functional
