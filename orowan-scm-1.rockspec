rockspec_format = "3.0"
package = "orowan"
version = "scm-1"
source = { url = "git+file://." }
description = {
  summary = "Quantitative science of crystal defects",
  detailed = "A Lua 5.4 engine: C kernels for numerics, Lua recipes for experiments.",
  license = "MIT",
}
supported_platforms = { "unix" }
dependencies = { "lua ~> 5.4" }
build = {
  type = "make",
  build_target = "all",
  install_target = "install",
  build_variables = { LUA = "$(LUA)" },
  install_variables = {
    LUA = "$(LUA)",
    INST_BINDIR = "$(BINDIR)",
    INST_LUADIR = "$(LUADIR)",
    INST_LIBDIR = "$(LIBDIR)",
  },
}
