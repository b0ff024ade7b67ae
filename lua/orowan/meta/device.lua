---@meta orowan.device
--- OpenCL devices. `orowan info` lists them; tensors go there by `t:to("opencl:0")` and stay
--- until they are read back. What a device cannot do raises, nothing moves by itself.
local ow = {}

--- The device that programs are asked to use: "cpu" or "opencl:N". At first it is what
--- OROWAN_DEVICE says, else "cpu"; `orowan run --device` sets it for a recipe. It moves nothing:
--- code that can use it says `t:to(ow.device())`. With a name it becomes that device; raises when
--- there is none of that name, telling what to install.
---@param name? string "cpu", "opencl" (the first one) or "opencl:N"
---@return string name
function ow.device(name) end
