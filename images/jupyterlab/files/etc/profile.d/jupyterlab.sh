# `python`, `pip` and `jupyter` are those of JupyterLab, in which notebooks run.
PATH=/opt/jupyterlab/bin:$PATH
