--- What the reference says about each system beyond its annotations: what it computes, its
--- formulas with their sources, what it cannot do, where its figure comes from.
---@class orowan.docs.system
---@field name string
---@field modules string[] pages of functions
---@field recipes string[]
---@field notebook string? the figure is the n-th picture in it
---@field picture integer?
---@field image string? a picture of the checkout instead
---@field what string
---@field formulas string[]
---@field units string
---@field sources string[]
---@field limits string[]

---@type orowan.docs.system[]
return {
  {
    name = "depinning", modules = { "depinning" }, recipes = { "depinning_avalanches", "yield_scaling", "avalanches" },
    notebook = "depinning", picture = 2, image = "examples/avalanches.png",
    what = "One dislocation line of edge or screw character is driven through random pinning on a lattice. Out come the stress-slip "
      .. "curve, avalanches with sizes, widths and durations, the roughness of the line, exponents with intervals, and the critical stress "
      .. "against the strength of pinning.",
    formulas = {
      "sigma_ext = sigma_0 + rate * picks - B * A  (drive with a spring)",
      "sigma_i = sigma_ext + (p_a + p_b)/2 + sum_j (mu b a / 4 pi) [n_y dy / f_h + n_x X / f_v] / (X^2 + dy^2)^(3/2)",
      "P(S) ~ S^-tau exp(-S/S0);  sigma_c ~ Sigma_pin^gamma;  <|h(x+d) - h(x)|> ~ d^zeta",
    },
    units = "lengths in b, stresses in mu (MPa = 1000 * mu_gpa * mu), areas in cells, time in picks",
    sources = { "the model: the head of `ow.depinning`; the published simulator byte for byte: `ow.depinning.compat_run`", "exponents: maximum likelihood as in `ow.stats`" },
    limits = {
      "One line on one plane: no cross slip, no climb, no other dislocations.",
      "A pick is no time: durations compare events, they are no seconds.",
      "Sizes below the flicker of a held line are noise; the catalogue cuts there and says where.",
    },
  },
  {
    name = "power laws", modules = { "stats" }, recipes = { "avalanches" }, notebook = "power_laws", picture = 2, image = "examples/avalanches.png",
    what = "Fits of event sizes that can be believed: power law, cut-off, truncated, lognormal, stretched and exponential laws by maximum "
      .. "likelihood, with bounds that the data support, tests against the alternatives, a noise floor from a null, and intervals.",
    formulas = {
      "p(S) = C S^-tau exp(-S/S0),  smin <= S <= smax",
      "log L(tau, S0) is maximised; intervals are those of the profile likelihood",
      "R = sum_i log p_a(S_i) - log p_b(S_i)  decides between laws (Vuong)",
    },
    units = "sizes in any unit; exponents have none",
    sources = { "Clauset, Shalizi, Newman, SIAM Rev. 51 (2009) 661", "Vuong, Econometrica 57 (1989) 307", "Efron, JASA 82 (1987) 171 (bootstrap)" },
    limits = {
      "Below about 100 events above the lower bound no law can be told from another; the fit says so.",
      "Events that follow each other need block resampling (`block`), else intervals are too narrow.",
      "Without a noise floor small sizes are taken on trust.",
    },
  },
  {
    name = "atom probe", modules = { "apt", "geometry" }, recipes = { "apt_overview", "apt_clusters", "atomnet_train", "atomnet_apply", "stacking_faults" }, notebook = "atom_probe", picture = 2,
    what = "Reconstructions (.pos, .epos, .apt, .ato, NeXus, text) with range files become species, compositions with errors, concentration "
      .. "grids, iso-surfaces, proxigrams, clusters tested against chance, maps of neighbours along crystal directions, and ordered "
      .. "domains found by networks. Synthetic specimens with a known truth test every step.",
    formulas = {
      "c_e = N_e / N;  var(c_e) = sum_i (a_ie - c_e a_i)^2 var(n_i) / N^2",
      "P(d_k <= r) = P(k, 4/3 pi rho r^3)  for a random cloud",
      "g(r) = concentration around a species / bulk; its null: the species shuffled",
    },
    units = "positions in nm, mass-to-charge in Da, compositions as atomic fractions",
    sources = { "file formats: csrc/io/ions.h", "Li and Ma, Astrophys. J. 272 (1983) 317 (significance of peaks)", "maximum separation, DBSCAN, HDBSCAN: the heads of lua/orowan/apt/*" },
    limits = {
      "Reconstruction itself (from detector hits) is not done: positions are taken as given.",
      "Errors are those of counting; trajectory aberrations and the choice of an envelope are not in them.",
      "A cluster's composition hangs on its envelope: report it.",
    },
  },
  {
    name = "barriers", modules = { "barrier", "atoms" }, recipes = { "neb_spectrum" }, notebook = "barriers", picture = 1,
    what = "Migration barriers of vacancies in concentrated alloys: crystals and alloys with prescribed order, interatomic models (EAM, SNAP), "
      .. "relaxation, nudged elastic bands, and the spectra of barriers by jumping species.",
    formulas = {
      "E_b = max_k E(image k) - E(first)",
      "F_k = F_perp + k_s (|R_(k+1) - R_k| - |R_k - R_(k-1)|) tau  (nudged elastic band, climbing image)",
      "alpha_ij = 1 - p_ij / c_j  (Warren-Cowley order)",
    },
    units = "energies in eV, lengths in angstrom, forces in eV/angstrom, stress in GPa where the field says so",
    sources = { "Henkelman, Uberuaga, Jonsson, J. Chem. Phys. 113 (2000) 9901", "SNAP: Thompson et al., J. Comput. Phys. 285 (2015) 316" },
    limits = {
      "A barrier is as good as the interatomic model: compare with DFT where there is any.",
      "Small cells make images of the vacancy interact.",
    },
  },
  {
    name = "networks", modules = { "nn", "nn.functional", "nn.metrics", "nn.optim", "nn.schedule", "nn.ensemble" }, recipes = { "train_digits", "atomnet_train" },
    notebook = "networks", picture = 2,
    what = "Variables and differentiation, layers for 1 to 3 dimensions, training with checkpoints, metrics with intervals, ensembles, model "
      .. "files with a card. Every score stands beside a trivial baseline and a null.",
    formulas = { "dL/dx by reverse mode, every kernel checked against differences", "Adam: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2, x -= lr m/(1 - b1^t) / (sqrt(v/(1 - b2^t)) + eps)" },
    units = "none; inputs N x C x spatial axes",
    sources = { "Kingma and Ba, ICLR 2015 (Adam)", "Loshchilov and Hutter, ICLR 2019 (AdamW)", "the heads of csrc/nn" },
    limits = { "Floats differ between instruction sets within a stated tolerance, so trained weights differ too.", "One machine, one device." },
  },
}
