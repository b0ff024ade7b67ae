-- A job for farm_spec: squares numbers, and misbehaves on request.
return function(setup)
  return function(job)
    if setup.count then
      local f <close> = assert(io.open(setup.count, "a"))
      f:write(job.key, "\n")
    end
    if job.fail then error("no square of " .. job.fail, 0) end
    if job.die then os.exit(3) end
    if job.sleep then require("orowan.sys").sleep(job.sleep) end
    return { square = job.x * job.x, offset = setup.offset }
  end
end
