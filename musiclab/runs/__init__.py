"""Train, cross-validate, load, compare and explain models.

===========  ===========================================================================
experiments  :func:`train` and :func:`crossval` train and test a model
run          :class:`Run` is a trained model with its results; :func:`load` reads it
settings     :class:`RunSettings` describe how the model was trained
prediction   :class:`Predictions` for new sounds
comparison   :func:`compare` puts several runs into a table
transfer     :func:`transfer` tests a model on another data set than the one it was trained on
shifts       in which features two sets of clips differ, and how far apart they are
report       pages in HTML: ``report.html`` for a run, ``transfer.html`` for a transfer
export       :class:`Export` of a model to ONNX, with its features
few_shot     how many examples a probe needs, and whether it notices an unknown class
leakage      :func:`compare_leak` measures the effect of a leaking split
attribution  :func:`saliency`, :func:`occlusion` and others explain predictions
===========  ===========================================================================

Examples
--------
>>> import musiclab as ml
>>> run = ml.train("cnn", "recordings", out="runs/cnn", epochs=40)  # doctest: +SKIP
>>> print(run)  # accuracy with its interval  # doctest: +SKIP
>>> run.predict("new.wav").files  # doctest: +SKIP
>>> ml.compare(run, ml.load("runs/mlp"))  # doctest: +SKIP
>>> ml.crossval("cnn", "esc10:DIR", folds="all").result.ci95  # doctest: +SKIP
"""

from musiclab.runs.attribution import effects, hear, occlusion, saliency, separate
from musiclab.runs.comparison import Comparison, compare
from musiclab.runs.experiments import check_crossval, check_train, crossval, train
from musiclab.runs.export import Export
from musiclab.runs.few_shot import few_shot, measure_unknown
from musiclab.runs.leakage import Leak, compare_leak
from musiclab.runs.prediction import Predictions, edges, merged
from musiclab.runs.run import Run, load
from musiclab.runs.settings import RunSettings
from musiclab.runs.shifts import Distance
from musiclab.runs.transfer import Transfer, check_page, check_transfer, transfer
