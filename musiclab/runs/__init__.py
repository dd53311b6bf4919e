"""Runs: train a model, cross-validate it, load it again, and use it.

===========  ===============================================================
experiments  :func:`train` and :func:`crossval`: from data to a run
run          :class:`Run`, a trained model, and :func:`load`
settings     :class:`RunSettings`, how it was trained
prediction   :class:`Predictions` of new sounds, along time in long ones
comparison   :func:`compare`: runs side by side
report       page of a run, ``report.html``
leakage      :func:`compare_leak`: the effect of a split that leaks
attribution  part of its input that a model uses for a prediction
===========  ===============================================================
"""

from musiclab.runs.attribution import effects, hear, occlusion, saliency, separate
from musiclab.runs.comparison import Comparison, compare
from musiclab.runs.experiments import check_crossval, check_train, crossval, train
from musiclab.runs.leakage import Leak, compare_leak
from musiclab.runs.prediction import Predictions, edges, merged
from musiclab.runs.run import Run, load
from musiclab.runs.settings import RunSettings
